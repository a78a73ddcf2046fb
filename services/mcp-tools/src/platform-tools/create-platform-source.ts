import { randomUUID } from 'node:crypto'
import type { Caller } from '@jan/service-kit/auth'
import type { Peer } from '@jan/service-kit/http-client'
import type { Logger } from '@jan/service-kit/logger'
import { createRecentlyUsed } from '@jan/service-kit/recently-used'
import type { OfferedTool, ToolSource } from '../tools/offered-tool.ts'
import { offerServiceTool } from './offer-service-tool.ts'
import { createServiceTools } from './service-tools.client.ts'

export type PlatformDeps = { services: Readonly<Record<string, Peer>>; log: Logger; now: () => Date }

/** How long a list is good, and how long a service that failed is left alone. */
const FRESH_MS = 60_000
const FAILED_MS = 5_000
/** Longest wait for a list. */
const LIST_MS = 2_000
const NEVER = 0

/**
 * The operations of our own services that are tools, as far as the caller may use them. Only who asks first waits for
 * a list, and for a service that hangs only once: later lists are fetched beside the requests that found the old one.
 * A service that is down, or serves no tools, offers none, and costs the others nothing.
 */
export function createPlatformSource({ services, log, now }: PlatformDeps): ToolSource {
  const sources = Object.entries(services).map(([name, peer]) => createSource(name, peer, { log, now }))
  return { tools: async (caller) => (await Promise.all(sources.map((listFor) => listFor(caller)))).flat() }
}

type List = { tools: readonly OfferedTool[]; text: string; until: number; asking: Promise<void> | undefined }

function createSource(service: string, peer: Peer, { log, now }: Pick<PlatformDeps, 'log' | 'now'>) {
  const client = createServiceTools(service, peer)
  const lists = createRecentlyUsed<List>({ most: 1_000, idleMs: 10 * FRESH_MS }, () => undefined)
  let downUntil = 0
  let isOff = false

  const ask = async (caller: Caller, list: List) => {
    try {
      const served = await client.list({ caller, requestId: randomUUID(), signal: AbortSignal.timeout(LIST_MS) })
      if (served === undefined && !isOff)
        log.warn(
          { peer: service },
          'MCP_PLATFORM_TOOLS is on, but this service does not serve /mcp: set MCP_ENABLED there',
        )
      isOff = served === undefined
      const told = served ?? []
      const text = JSON.stringify(told)
      // The same objects as long as nothing changed: what was made of them stays good.
      if (text !== list.text) Object.assign(list, { text, tools: told.map((tool) => offerServiceTool(client, tool)) })
      list.until = now().getTime() + FRESH_MS
    } catch (error) {
      Object.assign(list, { text: '', tools: [], until: now().getTime() + FAILED_MS })
      downUntil = list.until
      log.warn({ err: error, peer: service }, 'its tools are not offered')
    } finally {
      list.asking = undefined
    }
  }

  return async (caller: Caller): Promise<readonly OfferedTool[]> => {
    const at = now().getTime()
    const rights = rightsOf(caller)
    let list = lists.get(rights, at)
    if (!list) {
      list = { tools: [], text: '', until: NEVER, asking: undefined }
      lists.set(rights, list, at)
    }
    if (list.until <= at && downUntil <= at) list.asking ??= ask(caller, list)
    if (list.until === NEVER) await list.asking
    return list.tools
  }
}

/** All that a list depends on. */
const rightsOf = (caller: Caller): string =>
  caller.kind === 'service' ? 'service' : JSON.stringify([caller.kind, caller.roles, caller.scopes])
