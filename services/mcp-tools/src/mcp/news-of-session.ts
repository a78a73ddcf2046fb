import type { Caller } from '@jan/service-kit/auth'
import type { ServerEvent } from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { type Frames, frameOf } from './event-stream.ts'

const METHODS = {
  tools_list_changed: 'notifications/tools/list_changed',
  prompts_list_changed: 'notifications/prompts/list_changed',
  resources_list_changed: 'notifications/resources/list_changed',
} as const

/** Tells a 2025-x client that lists have changed, and the resources that it subscribed to. @returns how to stop */
export function sendNews(
  { changes, notes, log }: Pick<Deps, 'changes' | 'notes' | 'log'>,
  { caller, nonce }: { caller: Caller; nonce: string },
  frames: Frames,
): () => void {
  const tell = (method: string, params?: object) =>
    frames.send(frameOf(JSON.stringify({ jsonrpc: '2.0', method, ...(params ? { params } : {}) })))
  const hear = async (event: ServerEvent) => {
    if (event.kind !== 'resource_updated') return tell(METHODS[event.kind])
    const { uri } = event
    if ((await notes.subscriptions(nonce)).has(uri)) tell('notifications/resources/updated', { uri })
  }
  return changes.listen(caller.kind === 'service' ? undefined : caller.workspaceId, (event) => {
    hear(event).catch((error: unknown) => log.warn({ err: error }, 'an MCP client was not told of a change'))
  })
}
