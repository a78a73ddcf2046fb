import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Judged, startJudged } from './judged.ts'

/** A conformance suite for servers of the OpenAI kind, as its users run it: https://github.com/ddalcu/llmprobe. */
let judged: Judged
beforeAll(async () => {
  judged = await startJudged()
})
afterAll(() => judged.close())

/** What the simulator does not do; a relay cannot make up for it. */
const KNOWN = new Set(['chat-limits-stop', 'chat-stop-string', 'chat-logprobs', 'chat-n-choices', 'completions-basic'])

type Report = { conformance: { results: { id: string; outcome: string; failures: { message: string }[] }[] } }

test('llmprobe finds nothing wrong but what is known of the simulator [L-082]', async () => {
  const probe = createRequire(import.meta.url).resolve('llmprobe/bin/dist/llmprobe.mjs')
  const args = [probe, judged.baseURL, '-k', judged.apiKey, '-m', judged.model, '--json', '--no-bench', '--no-save', '--full', '--save', '/tmp/g7/out.json']
  const options = { env: { PATH: process.env.PATH, NO_COLOR: '1' }, maxBuffer: 64 * 1024 * 1024 }
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '',
  }))
  const { results } = (JSON.parse(stdout) as Report).conformance
  expect(results.filter(({ outcome }) => outcome === 'pass').length).toBeGreaterThan(20)
  expect(results.filter(({ id, outcome }) => outcome === 'fail' && !KNOWN.has(id))).toEqual([])
}, 120_000)
