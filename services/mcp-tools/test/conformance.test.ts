import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { conformancePrompts, conformanceResources } from './conformance-rows.ts'
import { createConformanceTools } from './conformance-tools.ts'
import { startService, type TestService } from './start.ts'

/** The official suite against what is shipped, with the rows it asks for beside the built-in ones. It sends no token. */

const CLI = createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/dist/index.js')

let service: TestService
beforeAll(async () => {
  const tools = createConformanceTools((change) => service.deps.changes.publish(change))
  service = await startService(
    { AUTH_ENABLED: 'false', REQUESTS_PER_MINUTE: '0' },
    {},
    { sources: [{ tools: () => tools }], prompts: conformancePrompts, resources: [conformanceResources] },
  )
})
afterAll(() => service.close())

type Check = { status: string }

/** The scenarios that ran, with those of them in which a check failed. The exit code is zero when no scored one failed. */
async function run(...options: string[]): Promise<{ code: number; said: string; ran: string[]; failed: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'jan-conformance-'))
  try {
    const child = spawn(process.execPath, [CLI, 'server', '--url', service.mcpUrl.href, '-o', folder, ...options])
    const closed = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
    const [said, problems, code] = await Promise.all([text(child.stdout), text(child.stderr), closed])
    const scenarios = await Promise.all(
      (await readdir(folder)).sort().map(async (entry) => {
        const checks = JSON.parse(await readFile(join(folder, entry, 'checks.json'), 'utf8')) as Check[]
        // A folder is server-<scenario>-<time>.
        const scenario = entry.replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, '')
        return { scenario, isFailed: checks.some(({ status }) => status === 'FAILURE') }
      }),
    )
    const failed = scenarios.filter(({ isFailed }) => isFailed)
    const names = (rows: typeof scenarios) => rows.map(({ scenario }) => scenario)
    return { code, said: said + problems, ran: names(scenarios), failed: names(failed) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const ALWAYS = [
  'completion-complete',
  'dns-rebinding-protection',
  ...['embedded-resource', 'simple', 'with-args', 'with-image'].map((what) => `prompts-get-${what}`),
  'prompts-list',
  ...['list', 'read-binary', 'read-text', 'templates-read'].map((what) => `resources-${what}`),
  'server-sse-multiple-streams',
  ...['audio', 'embedded-resource', 'error', 'image', 'mixed-content', 'simple-text', 'with-progress'].map(
    (what) => `tools-call-${what}`,
  ),
  'tools-list',
]
const OF_2025 = [
  ...ALWAYS,
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
  'logging-set-level',
  'ping',
  'resources-subscribe',
  'resources-unsubscribe',
  'server-initialize',
  'tools-call-elicitation',
  'tools-call-sampling',
  'tools-call-with-logging',
]
const OF_2026 = [
  ...ALWAYS,
  'caching',
  ...[
    ...['basic-elicitation', 'basic-list-roots', 'basic-sampling', 'capability-check', 'ignore-extra-params'],
    ...['missing-input-response', 'multi-round', 'multiple-input-requests', 'non-tool-request', 'request-state'],
    ...['result-type', 'tampered-state', 'unsupported-methods', 'validate-input'],
  ].map((what) => `input-required-result-${what}`),
  'sep-2164-resource-not-found',
  'server-stateless',
]
/** Tasks are an extension, and no tool of ours has parameters that travel in headers; the suite scores neither. */
const NOT_OFFERED = /^tasks-|^http-custom-header-server-validation$/

describe('the official conformance suite [B-001 H-86]', () => {
  test.each([
    ['what 2025-11-25 requires', ['--requirements', '2025-11-25'], OF_2025],
    ['what 2026-07-28 requires', ['--requirements', '2026-07-28'], OF_2026],
    ['what it runs by default', [], OF_2025],
  ])(
    'finds nothing in %s',
    async (_what, options, expected) => {
      const { code, said, ran, failed } = await run(...options)
      expect({ code, said: code === 0 ? '' : said.slice(-6000) }).toEqual({ code: 0, said: '' })
      expect(ran).toEqual(expect.arrayContaining(expected))
      expect(failed.filter((scenario) => !NOT_OFFERED.test(scenario))).toEqual([])
    },
    120_000,
  )
})
