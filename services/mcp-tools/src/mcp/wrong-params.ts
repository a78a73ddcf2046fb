import { type JSONRPCRequest, specTypeSchemas } from '@modelcontextprotocol/server'
import { RPC, rpcError } from './json-rpc.ts'
import { eventStream } from './legacy-exchange.ts'
import type { ResponseMode } from './response-mode.ts'

const SHAPES: Readonly<Record<string, Shape>> = {
  'tools/call': specTypeSchemas.CallToolRequestParams,
  'prompts/get': specTypeSchemas.GetPromptRequestParams,
  'completion/complete': specTypeSchemas.CompleteRequestParams,
  'resources/read': specTypeSchemas.ReadResourceRequestParams,
  'tools/list': specTypeSchemas.PaginatedRequestParams,
  'prompts/list': specTypeSchemas.PaginatedRequestParams,
  'resources/list': specTypeSchemas.PaginatedRequestParams,
  'resources/templates/list': specTypeSchemas.PaginatedRequestParams,
}
/** 2026-07-28 has these no more. */
const OLDER_SHAPES: Readonly<Record<string, Shape>> = {
  ...SHAPES,
  'logging/setLevel': specTypeSchemas.SetLevelRequestParams,
  'resources/subscribe': specTypeSchemas.SubscribeRequestParams,
  'resources/unsubscribe': specTypeSchemas.UnsubscribeRequestParams,
}
type Shape = (typeof specTypeSchemas)[keyof typeof specTypeSchemas]

/** −32602 that names the first field that is wrong, where the library would tell all that its validator knows. */
export async function refuseWrongParams(
  { id, method, params = {} }: JSONRPCRequest,
  { modern, mode }: { modern: boolean; mode: ResponseMode },
): Promise<Response | undefined> {
  const shape = (modern ? SHAPES : OLDER_SHAPES)[method]
  const read = await shape?.['~standard'].validate(params)
  if (!read?.issues) return undefined
  const { path, message } = innermost(read.issues[0] as Issue)
  const field = path.length > 0 ? `${path.map(String).join('.')}: ` : ''
  const expected = message.replace(/^Invalid (input|option): /, '').replace('expected record', 'expected object')
  const refusal = rpcError(200, RPC.invalidParams, `Invalid params of ${method}: ${field}${expected}`, id)
  return mode === 'sse' ? eventStream(`event: message\ndata: ${await refusal.text()}\n\n`) : refusal
}

/** Of a union `errors` holds what each of its kinds would have. */
type Issue = { path: PropertyKey[]; message: string; errors?: Issue[][] }

/** What the kind that is nearest misses. */
function innermost({ path, message, errors = [] }: Issue): Issue {
  const [nearest] = errors.toSorted((one, other) => one.length - other.length)
  const inner = nearest?.[0]
  return inner ? innermost({ ...inner, path: [...path, ...inner.path] }) : { path, message }
}
