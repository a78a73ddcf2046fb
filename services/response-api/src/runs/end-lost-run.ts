import type { Deps } from '../deps.ts'
import {
  presentResponse,
  type ResponseRecord,
  type RunResult,
  type ToolExecution,
} from '../responses/present-response.ts'
import type { Item } from '../responses/response.schema.ts'
import { SERVER_LABEL } from './output-items.ts'
import { parsedArguments } from './response-events.ts'
import type { WireEvent } from './run-log.store.ts'

/** What matters here of the events that `output-items.ts` tells. */
type Told = { type: string; output_index: number; item_id: string; item?: Item; arguments: string }
type Call = Item & {
  name: string
  arguments: string
  output: string | null
  error: { content: { text: string }[] } | null
}

const LOST = {
  code: 'server_error',
  message: 'The server stopped in the middle of this response. What its tools have done stands in the output.',
}

/**
 * Ends a run as failed whose process has died after it began to call tools, for they must not be called again. `record`
 * is the response as it was taken over; its output is put together from the events that are stored.
 * @returns undefined when no tool can have been called: then the run may start again
 */
export async function endLostRun(
  { runLogs, clock, newId }: Pick<Deps, 'runLogs' | 'clock' | 'newId'>,
  workspaceId: string,
  record: ResponseRecord,
): Promise<ResponseRecord | undefined> {
  const output: Item[] = []
  const open = new Set<number>()
  /** When the calls began and ended, by item. */
  const started = new Map<string, number>()
  const settled = new Map<string, number>()
  let sequence = 0
  for await (const { sequence: at, data, storedAt } of runLogs.readStored(workspaceId, record.id)) {
    sequence = at + 1
    const { type, output_index: index, item, ...told } = JSON.parse(data) as Told
    if (item) output[index] = item
    if (type === 'response.output_item.added') open.add(index)
    if (type === 'response.output_item.done') {
      open.delete(index)
      settled.set(item!.id, storedAt)
    }
    if (type === 'response.mcp_call_arguments.done') output[index] = { ...output[index]!, arguments: told.arguments }
    if (type === 'response.mcp_call.in_progress') started.set(told.item_id, storedAt)
  }
  if (started.size === 0) return undefined
  const events: WireEvent[] = []
  const tell = (type: string, body: object) => {
    events.push({ sequence, type, data: JSON.stringify({ type, sequence_number: sequence, ...body }) })
    sequence += 1
  }
  for (const index of open) {
    output[index] = { ...output[index]!, status: 'incomplete' }
    tell('response.output_item.done', { output_index: index, item: output[index] })
  }
  const now = clock.now()
  const executions = output
    .filter(({ id }) => started.has(id))
    .map((item) => {
      const startedAt = started.get(item.id)!
      const durationMs = Math.max((settled.get(item.id) ?? now) - startedAt, 0)
      return { id: newId('toolexec'), ...outcomeOf(item as Call), startedAt, durationMs }
    })
  const result: RunResult = { ...record.result, error: LOST, executions, durationMs: now - record.createdAt }
  const ended: ResponseRecord = { ...record, status: 'failed', completedAt: now, output, result }
  tell('error', { ...LOST, param: null })
  tell('response.failed', { response: presentResponse(ended) })
  await runLogs.stored(record, false).finish(events, ended)
  return ended
}

const outcomeOf = ({
  status,
  name,
  output,
  error,
  ...call
}: Call): Omit<ToolExecution, 'id' | 'startedAt' | 'durationMs'> => ({
  tool: name,
  server: SERVER_LABEL,
  arguments: parsedArguments(call.arguments),
  output: output ?? error?.content[0]?.text ?? '',
  status: status === 'completed' || status === 'failed' ? status : 'unknown',
})
