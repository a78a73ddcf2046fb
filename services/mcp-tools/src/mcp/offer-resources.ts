import { ProtocolError, type Server, type ServerContext } from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { listResources } from '../resources/list-resources.ts'
import { readResource } from '../resources/read-resource.ts'
import type { Reader } from '../resources/resource-source.ts'
import type { Asking } from './asking.ts'
import { RPC } from './json-rpc.ts'

type ResourceDeps = Pick<Deps, 'resources' | 'notes'>

const MAX_SUBSCRIPTIONS = 1000

/** What people have stored here. Services have nothing of their own. */
export function offerResources(server: Server, deps: ResourceDeps, { who, session }: Asking): void {
  const { caller, requestId, log } = who
  const readerOf = ({ mcpReq }: ServerContext): Reader | undefined =>
    caller.kind === 'service' ? undefined : { caller, requestId, log, signal: mcpReq.signal }
  const { resources: sources } = deps

  server.setRequestHandler('resources/list', async ({ params }, context) => {
    const reader = readerOf(context)
    return reader ? listResources(deps, reader, params?.cursor) : { resources: [] }
  })
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: sources.flatMap(({ templates }) => templates),
  }))
  server.setRequestHandler('resources/read', ({ params: { uri } }, context) =>
    readResource(deps, requireReader(readerOf(context)), uri),
  )
  server.setRequestHandler('resources/subscribe', async ({ params: { uri } }, context) => {
    const { n: nonce } = requireSession(session)
    // Nobody is told of what they may not read.
    await readResource(deps, requireReader(readerOf(context)), uri)
    if ((await deps.notes.subscriptions(nonce)).size >= MAX_SUBSCRIPTIONS)
      throw new ProtocolError(RPC.invalidRequest, `A session can subscribe to ${MAX_SUBSCRIPTIONS} resources at most`)
    await deps.notes.subscribe(nonce, uri)
    return {}
  })
  server.setRequestHandler('resources/unsubscribe', async ({ params: { uri } }) => {
    await deps.notes.unsubscribe(requireSession(session).n, uri)
    return {}
  })
}

function requireSession(session: Asking['session']): NonNullable<Asking['session']> {
  if (session) return session
  throw new ProtocolError(RPC.invalidRequest, 'Subscriptions need the Mcp-Session-Id that initialize gave')
}

function requireReader(reader: Reader | undefined): Reader {
  if (reader) return reader
  throw new ProtocolError(RPC.invalidRequest, 'A service has no resources of its own')
}
