import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@jan/testkit/until'
import type { ListedTool } from '../src/tools/catalog.ts'
import { call, startService } from './start.ts'

type Result = {
  content: { type: string; text?: string }[]
  isError?: boolean
  structuredContent?: unknown
  _meta?: Record<string, unknown>
}

/** The service with a file of MCP servers, quick to try again. */
export async function startBridge(providers: unknown = '', env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-providers-'))
  const file = join(folder, 'mcp-providers.yml')
  const policy = join(folder, 'tool-policy.yml')
  writeFileSync(policy, 'rules: [{who: [user, key], decide: allow}]\notherwise: deny\n')
  const write = (text: unknown) =>
    writeFileSync(file, typeof text === 'string' ? text : JSON.stringify({ providers: text }))
  write(providers)
  const service = await startService({
    MCP_PROVIDERS_FILE: file,
    MCP_TOOL_POLICY_FILE: policy,
    MCP_SERVER_RETRY: '50ms',
    MCP_SERVER_RETRY_MAX: '200ms',
    MCP_SERVER_CONNECT_TIMEOUT: '2s',
    // Tests that list once do so on a busy machine, too.
    MCP_SERVER_FIRST_WAIT: '3s',
    ...env,
  })
  const headersOf = async (who: string, roles: string[] = []) => ({
    ...(await service.issuer.bearer(who, roles.length > 0 ? { realm_access: { roles } } : {})),
    'content-type': 'application/json',
  })
  const rpc = async (body: unknown, who: string) => {
    const response = await service.post(body, await headersOf(who))
    return (await response.json()) as { result: Record<string, unknown>; error?: { code: number; message: string } }
  }
  const list = async (who = 'ada') => {
    const { result } = await rpc({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, who)
    return (result.tools as ListedTool[]).filter(({ name }) => name.includes('__'))
  }
  return {
    ...service,
    close: async () => {
      await service.close()
      rmSync(folder, { recursive: true })
    },
    write,
    list,
    names: async (who?: string) => (await list(who)).map(({ name }) => name),
    /** Of one server, without its name in front; waits until exactly these are offered. */
    untilOffered: (server: string, expected: string[]) =>
      until(async () => {
        const names = (await list()).map(({ name }) => name).filter((name) => name.startsWith(`${server}__`))
        return names.join() === expected.map((name) => `${server}__${name}`).join()
      }),
    /** Waits until exactly these are offered. */
    untilNames: (expected: string[], who?: string) =>
      until(async () => {
        const names = (await list(who)).map(({ name }) => name)
        return names.join() === expected.join()
      }),
    call: async (name: string, args: unknown = {}, who = 'ada') => {
      const { result, error } = await rpc(call(name, args), who)
      if (error) throw new Error(error.message)
      return result as unknown as Result
    },
    api: async (method: string, path: string, body?: unknown, [who, ...roles]: string[] = ['ada']) => {
      const response = await fetch(`${service.url}/v1/mcp/servers${path}`, {
        method,
        headers: await headersOf(who!, roles),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      // biome-ignore lint/suspicious/noExplicitAny: what came is what the tests look at
      return { status: response.status, text, body: (text.startsWith('{') ? JSON.parse(text) : {}) as any }
    },
  }
}

export type BridgeService = Awaited<ReturnType<typeof startBridge>>
export const textOf = ({ content }: Result): string => content.map(({ text = '' }) => text).join('\n')
