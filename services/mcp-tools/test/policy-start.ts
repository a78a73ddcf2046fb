import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caller, Person } from '@jan/service-kit/auth'
import type { Grant } from '@jan/service-kit/internal-token'
import { stringify } from 'yaml'
import { call, startService, type TestService } from './start.ts'

/** As it is shipped. */
export const SHIPPED = readFileSync(join(import.meta.dirname, '../../../config/tool-policy.yml'), 'utf8')

export type PolicyFile = { path: string; write(rules: object | string): void; remove(): void }

/** A file of rules that a test may change. */
export function createPolicyFile(rules: object | string): PolicyFile {
  const folder = mkdtempSync(join(tmpdir(), 'tool-policy-'))
  const path = join(folder, 'rules.yml')
  const write = (next: object | string) => writeFileSync(path, typeof next === 'string' ? next : stringify(next))
  write(rules)
  return { path, write, remove: () => rmSync(folder, { recursive: true }) }
}

/** The service under these rules. */
export async function startWithRules(rules: object | string, env: Record<string, string> = {}) {
  const file = createPolicyFile(rules)
  const service = await startService({ MCP_TOOL_POLICY_FILE: file.path, ...env })
  return {
    ...service,
    file,
    close: async () => {
      await service.close()
      file.remove()
    },
  }
}

type Result = {
  isError?: boolean
  structuredContent?: unknown
  content: { text: string }[]
  _meta?: Record<string, unknown>
}
type Answer = {
  result?: Result & { tools?: { name: string; inputSchema: object }[] }
  error?: { code: number; message: string }
}

/** How somebody speaks to the service by plain JSON: `headers` are made anew for each request, internal tokens are good for one. */
export function speakAs(
  service: Pick<TestService, 'post'>,
  headers: (grant?: Grant) => Promise<Record<string, string>>,
) {
  const post = async (body: unknown, grant?: Grant) =>
    (await (await service.post(body, await headers(grant))).json()) as Answer
  return {
    call: (name: string, args: unknown = {}, grant?: Grant) => post(call(name, args), grant),
    tools: async () => (await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).result!.tools!,
    names: async () =>
      (await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).result!.tools!.map(({ name }) => name),
  }
}

/** A service of ours that acts for somebody. */
export const onBehalf = (service: TestService, caller: Caller, said: Record<string, string> = {}) =>
  speakAs(service, async (grant) => ({
    authorization: `Bearer ${await service.internal.mint('mcp-tools', caller, grant)}`,
    ...said,
  }))

export const person = (subject: string, more: Partial<Person> = {}): Person => ({
  kind: 'user',
  subject,
  workspaceId: subject,
  roles: [],
  ...more,
})

export const textOf = ({ result }: Answer) => result!.content[0]!.text
