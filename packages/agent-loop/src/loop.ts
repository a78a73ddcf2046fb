/**
 * The tool-calling loop as a fold: `state = fold(state, event)` over what happened, `next(state)` says what is to be done.
 * No I/O, no clock, no randomness: whoever performs the effects decides where the events live, and a run that lost its
 * performer continues from its events.
 */

/** A message as chat completions know it; only the messages that the loop adds itself have a known shape. */
export type ChatMessage = { role: string; [field: string]: unknown }

/** `arguments` is the JSON text as the model wrote it, valid or not. `id` is unique within its turn. */
export type ToolCall = { id: string; name: string; arguments: string }

export type LoopTool = {
  name: string
  /** `server`: performed by the run. `client`: the run ends, and the caller answers in a new one. */
  where: 'server' | 'client'
  /** May run twice without harm (read-only or idempotent): repeated when its outcome was lost. */
  repeatable?: boolean
  description?: string
  /** JSON Schema of the arguments. */
  parameters?: Record<string, unknown>
  strict?: boolean | null
}

/** `maxRounds` counts model turns that may ask for tools; `maxToolCalls` counts tools that were started. */
export type LoopLimits = { maxRounds: number; maxToolCalls?: number }

/** In tokens. */
export type Usage = {
  inputTokens: number
  outputTokens: number
  cachedTokens: number
  cacheWriteTokens: number
  reasoningTokens: number
}

export type TurnMessage = { text: string; reasoning?: string; calls: ToolCall[] }

/** A piece of a turn while it is streamed. The pieces of a turn add up to its message. */
export type TurnDelta =
  | { kind: 'text' | 'reasoning'; text: string }
  | { kind: 'arguments'; callId: string; name: string; text: string }

/** What a call came to. `unknown`: it may or may not have happened. `output` is what the model is told. */
export type Outcome = { status: 'ok' | 'error' | 'unknown'; output: string }

export type RunError = { code: string; message: string }

/** Why a run ended before or beside a plain answer. */
export type EndReason = 'client_calls' | 'depth' | 'max_output_tokens' | 'content_filter'

export type Started = { type: 'started'; messages: ChatMessage[]; tools: LoopTool[]; limits: LoopLimits }
/** The model took turn number `turn` (from 1); `model` is the name that answers. Repeated when the turn was lost midway. */
export type TurnStarted = { type: 'turn.started'; turn: number; model: string }
export type TurnDeltaEvent = { type: 'turn.delta'; delta: TurnDelta }
/** A turn counts only with this event. `usage` is null when the model does not tell. */
export type TurnDone = { type: 'turn.done'; message: TurnMessage; usage: Usage | null; finishReason: string }
/** The call is about to be performed: committed before its tool starts. */
export type CallIntent = { type: 'call.intent'; call: ToolCall }
export type CallOutcome = { type: 'call.outcome'; callId: string } & Outcome
export type Ended = {
  type: 'ended'
  status: 'completed' | 'incomplete' | 'failed' | 'cancelled'
  reason?: EndReason
  error?: RunError
}

export type LoopEvent = Started | TurnStarted | TurnDeltaEvent | TurnDone | CallIntent | CallOutcome | Ended

/** A turn and what became of its calls, by call id: some models number their calls anew in each turn. */
type DoneTurn = {
  message: TurnMessage
  finishReason: string
  begun: ReadonlySet<string>
  outcomes: ReadonlyMap<string, Outcome>
}

export type LoopState = {
  start: Started | null
  /** Turns that are done, in order. */
  turns: readonly DoneTurn[]
  /** A turn began and is not done. */
  inTurn: boolean
  ended: Ended | null
}

export const initial: LoopState = { start: null, turns: [], inTurn: false, ended: null }

/** The state after one more event. Pure: the given state stays as it was. */
export function fold(state: LoopState, event: LoopEvent): LoopState {
  switch (event.type) {
    case 'started':
      return { ...state, start: event }
    case 'turn.started':
      return { ...state, inTurn: true }
    case 'turn.delta':
      return state
    case 'turn.done': {
      const { message, finishReason } = event
      const turn = { message, finishReason, begun: new Set<string>(), outcomes: new Map<string, Outcome>() }
      return { ...state, inTurn: false, turns: [...state.turns, turn] }
    }
    case 'call.intent':
      return inLastTurn(state, (turn) => ({ begun: new Set([...turn.begun, event.call.id]) }))
    case 'call.outcome': {
      const { callId, status, output } = event
      return inLastTurn(state, (turn) => ({ outcomes: new Map([...turn.outcomes, [callId, { status, output }]]) }))
    }
    case 'ended':
      return { ...state, inTurn: false, ended: event }
  }
}

function inLastTurn(state: LoopState, change: (turn: DoneTurn) => Partial<DoneTurn>): LoopState {
  const last = state.turns.at(-1)
  return last ? { ...state, turns: [...state.turns.slice(0, -1), { ...last, ...change(last) }] } : state
}

/** What the model is to be asked. Without tools it is the last turn of a run that has used up its rounds. */
export type Turn = { number: number; messages: ChatMessage[]; tools: LoopTool[] }

export type Effect =
  | { do: 'nothing' }
  /** These follow from what is known, without acting on the world. */
  | { do: 'append'; events: (CallOutcome | Ended)[] }
  | { do: 'ask_model'; turn: Turn }
  /** Append the intents in one go, then perform all calls at once, then append their outcomes. */
  | { do: 'call_tools'; calls: ToolCall[] }

/** What is to be done now, given that nothing is being done: the first rule that fits. */
export function next(state: LoopState): Effect {
  const { start, ended, turns } = state
  if (!start || ended) return { do: 'nothing' }
  const last = turns.at(-1)
  if (state.inTurn || !last) return askModel(start, state)
  if (turns.length > start.limits.maxRounds) return end({ status: 'incomplete', reason: 'depth' })
  const cut = CUT_SHORT[last.finishReason]
  // The calls of a turn that was cut are not whole: none of them runs.
  if (cut) return end({ status: 'incomplete', reason: cut })
  const settled = settle(start, state, last)
  if (settled.length > 0) return { do: 'append', events: settled }
  const open = last.message.calls.filter((call) => !last.outcomes.has(call.id))
  const due = open.filter((call) => toolOf(start, call)?.where === 'server')
  if (due.length > 0) return { do: 'call_tools', calls: due }
  if (open.length > 0) return end({ status: 'completed', reason: 'client_calls' })
  if (last.message.calls.length === 0) return end({ status: 'completed' })
  return askModel(start, state)
}

const CUT_SHORT: Record<string, EndReason | undefined> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
}

const end = (how: Omit<Ended, 'type'>): Effect => ({ do: 'append', events: [{ type: 'ended', ...how }] })

const toolOf = (start: Started, call: ToolCall) => start.tools.find((tool) => tool.name === call.name)

/** Outcomes that need no performing: lost calls that must not run twice, unknown tools, calls beyond the limit. */
function settle(start: Started, state: LoopState, { message, begun, outcomes }: DoneTurn): CallOutcome[] {
  const { maxToolCalls } = start.limits
  const started = state.turns.reduce((sum, turn) => sum + turn.begun.size, 0)
  let room = (maxToolCalls ?? Number.POSITIVE_INFINITY) - started
  const settleOne = (call: ToolCall): Outcome | undefined => {
    const tool = toolOf(start, call)
    if (!tool) return { status: 'error', output: `There is no tool named '${call.name}'` }
    if (tool.where === 'client' || (begun.has(call.id) && tool.repeatable)) return undefined
    if (begun.has(call.id)) return { status: 'unknown', output: 'It is not known whether this call happened' }
    room -= 1
    if (room >= 0) return undefined
    return { status: 'error', output: `Not called: the limit of ${maxToolCalls} tool calls is reached` }
  }
  return message.calls.flatMap((call) => {
    const outcome = outcomes.has(call.id) ? undefined : settleOne(call)
    return outcome ? [{ type: 'call.outcome', callId: call.id, ...outcome }] : []
  })
}

function askModel(start: Started, state: LoopState): Effect {
  const number = state.turns.length + 1
  const messages = [...start.messages, ...state.turns.flatMap(turnMessages)]
  return { do: 'ask_model', turn: { number, messages, tools: number > start.limits.maxRounds ? [] : start.tools } }
}

const turnMessages = ({ message, outcomes }: DoneTurn): ChatMessage[] => [
  assistantMessage(message.text, message.calls),
  // Only turns whose calls all have an outcome are followed by another one.
  ...message.calls.flatMap(({ id }) => {
    const outcome = outcomes.get(id)
    return outcome ? [toolMessage(id, outcome)] : []
  }),
]

/** A model turn as the model is shown it later. */
export const assistantMessage = (text: string, calls: ToolCall[]): ChatMessage => ({
  role: 'assistant',
  content: text === '' && calls.length > 0 ? null : text,
  ...(calls.length > 0 ? { tool_calls: calls.map(wireCall) } : {}),
})

const wireCall = ({ id, name, arguments: text }: ToolCall) => ({
  id,
  type: 'function',
  // Chat templates parse these: what is no JSON would fail every further turn, and its outcome says what was wrong.
  function: { name, arguments: isJson(text) ? text : '{}' },
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** An outcome as the model is told it. */
export const toolMessage = (callId: string, { status, output }: Outcome): ChatMessage => ({
  role: 'tool',
  tool_call_id: callId,
  content: status === 'error' ? `Error: ${output}` : output,
})
