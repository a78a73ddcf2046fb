import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type Answer, at, type Json, post } from '../platform.ts'

const info = { name: 'test', version: '1' }
const optionsFor = (token: string) => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } })

type Connect = (path: string, token: string) => Promise<Json>

/** A real MCP client of each kind, connected to a path of the gateway. */
export const connectV1: Connect = async (path, token) => {
  const client = new ClientV1(info)
  await client.connect(new TransportV1(new URL(at('gateway', path)), optionsFor(token)) as never)
  return client
}
export const connectV2: Connect = (path, token) => openV2(new ClientV2(info), path, token)
/** One that speaks 2026-07-28. */
export const connectModern: Connect = (path, token) =>
  openV2(new ClientV2(info, { versionNegotiation: { mode: 'auto' } }), path, token)

async function openV2(client: ClientV2, path: string, token: string): Promise<Json> {
  await client.connect(new TransportV2(new URL(at('gateway', path)), optionsFor(token)))
  return client
}

type Asked = { token?: string | undefined; path?: string; headers?: Record<string, string> }

/** One JSON-RPC message, as curl sends it: without `initialize`, and without `Accept`. */
export const rpc = (
  method: string,
  params: object,
  { token, path = '/v1/mcp', headers }: Asked = {},
): Promise<Answer> => post(at('gateway', path), { jsonrpc: '2.0', id: 1, method, params }, token, headers)

/** The result of a tool, or the JSON-RPC error. */
export async function callTool(token: string, name: string, args: object = {}, path?: string): Promise<Json> {
  const { body } = await rpc('tools/call', { name, arguments: args }, { token, ...(path ? { path } : {}) })
  return body.result ?? body.error
}

export async function toolNames(token: string, path?: string): Promise<string[]> {
  const { body } = await rpc('tools/list', {}, { token, ...(path ? { path } : {}) })
  return body.result.tools.map(({ name }: Json) => name)
}
