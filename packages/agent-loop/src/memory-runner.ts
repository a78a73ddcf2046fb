import {
  type CallOutcome,
  fold,
  initial,
  type LoopEvent,
  next,
  type Outcome,
  type RunError,
  type Started,
  type ToolCall,
  type Turn,
  type TurnDelta,
  type TurnDone,
} from './loop.ts'

export type ModelPiece = { type: 'delta'; delta: TurnDelta } | (Omit<TurnDone, 'type'> & { type: 'done' })

/** A model that took the request. The pieces end with `done`; a stream that ends without it has broken off. */
export type OpenedTurn = { model: string; pieces: AsyncIterable<ModelPiece> }

/** How effects act on the world. All of them end promptly once their signal aborts. */
export type Perform = {
  /** Settles when the model has taken (or refused) the turn. */
  askModel(turn: Turn, signal: AbortSignal): Promise<OpenedTurn>
  /** What it throws is an outcome too: the model is told the error's message. */
  callTool(call: ToolCall, signal: AbortSignal): Promise<Outcome>
  /** A model's failure in words that are fit for the caller. */
  describeFailure(error: unknown): RunError
}

/** Times in ms since 1970. `timer` rings once after `ms` unless the returned function was called. */
export type Clock = { now(): number; timer(ms: number, ring: () => void): () => void }

export const systemClock: Clock = {
  now: Date.now,
  timer: (ms, ring) => {
    const timer = setTimeout(ring, ms)
    return () => clearTimeout(timer)
  },
}

export type RunOptions = {
  start: Omit<Started, 'type'>
  /** What happened already, without its `started`: the run goes on behind it. Its owner was lost, or it was paused. */
  past?: LoopEvent[]
  perform: Perform
  clock: Clock
  signal: AbortSignal
  /** Once aborted, nothing further is begun that acts on the world: the iteration stops there, without `ended`. */
  drain?: AbortSignal
  limits: { toolTimeoutMs: number }
}

/** An event and when it happened, in ms since 1970. */
export type RecordedEvent = LoopEvent & { at: number }

/**
 * Runs the loop with its state in memory. Whoever iterates is the one who keeps the events: nothing further is done before
 * the next one is asked for, so an intent that is stored before going on is stored before its tool starts.
 * Always ends with `ended`, unless it is drained, or the iteration is stopped: that aborts what is under way.
 */
export async function* runInMemory(options: RunOptions): AsyncGenerator<RecordedEvent, void, void> {
  const { clock, perform } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  let state = options.past
    ? [{ type: 'started' as const, ...options.start }, ...options.past].reduce(fold, initial)
    : initial
  const record = (event: LoopEvent, at = clock.now()): RecordedEvent => {
    state = fold(state, event)
    return { ...event, at }
  }
  try {
    if (!options.past) yield record({ type: 'started', ...options.start })
    while (!state.ended) {
      if (signal.aborted) {
        yield record({ type: 'ended', status: 'cancelled' })
        return
      }
      const effect = next(state)
      if (options.drain?.aborted && effect.do !== 'append') return
      if (effect.do === 'append') for (const event of effect.events) yield record(event)
      if (effect.do === 'ask_model') yield* recorded(askModel(perform, effect.turn, signal), record)
      if (effect.do === 'call_tools') {
        for (const call of effect.calls) yield record({ type: 'call.intent', call })
        for await (const { outcome, at } of callTools(options, effect.calls, signal)) yield record(outcome, at)
      }
    }
  } finally {
    stop.abort()
  }
}

async function* recorded(events: AsyncIterable<LoopEvent>, record: (event: LoopEvent) => RecordedEvent) {
  for await (const event of events) yield record(event)
}

async function* askModel(perform: Perform, turn: Turn, signal: AbortSignal): AsyncGenerator<LoopEvent> {
  try {
    const { model, pieces } = await perform.askModel(turn, signal)
    yield { type: 'turn.started', turn: turn.number, model }
    for await (const piece of pieces) {
      if (piece.type === 'done') {
        yield { ...piece, type: 'turn.done' }
        return
      }
      yield { type: 'turn.delta', delta: piece.delta }
    }
    throw new Error('the model ended its turn without saying so')
  } catch (error) {
    // Of an aborted run the caller of this says that it was cancelled.
    if (!signal.aborted) yield { type: 'ended', status: 'failed', error: perform.describeFailure(error) }
  }
}

type Settled = { outcome: CallOutcome; at: number }

/** All at once; outcomes as they come. Ends early, without the rest, when the run is aborted. */
async function* callTools(options: RunOptions, calls: ToolCall[], signal: AbortSignal): AsyncGenerator<Settled> {
  const running = new Map(calls.map((call) => [call.id, callOne(options, call, signal)]))
  while (running.size > 0) {
    const settled = await Promise.race(running.values())
    if (!settled) return
    running.delete(settled.outcome.callId)
    yield settled
  }
}

/** Waits for the tool, its time limit or the end of the run, whichever is first: a tool that ignores its signal holds nobody up. */
function callOne(options: RunOptions, call: ToolCall, signal: AbortSignal): Promise<Settled | undefined> {
  const { clock, limits, perform } = options
  const late = new AbortController()
  return new Promise((resolve) => {
    const done = (outcome: Outcome) => {
      cancelTimer()
      signal.removeEventListener('abort', gone)
      resolve({ outcome: { ...outcome, type: 'call.outcome', callId: call.id }, at: clock.now() })
    }
    const gone = () => {
      cancelTimer()
      resolve(undefined)
    }
    const cancelTimer = clock.timer(limits.toolTimeoutMs, () => {
      done({ status: 'error', output: `timed out after ${limits.toolTimeoutMs / 1000} s` })
      late.abort(new Error('the tool took too long'))
    })
    signal.addEventListener('abort', gone)
    if (signal.aborted) return gone()
    Promise.resolve()
      .then(() => perform.callTool(call, AbortSignal.any([signal, late.signal])))
      .catch((error: unknown): Outcome => ({ status: 'error', output: messageOf(error) }))
      .then(done)
  })
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
