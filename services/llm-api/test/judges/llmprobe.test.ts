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

/** It asks for less than the 16 tokens that OpenAI's own document demands at least. */
const KNOWN = ['responses-finish-length']

/** What this service does not have: the first is another one's, the others are no part of OpenAI's text API. */
const NOT_OFFERED = ['responses', 'messages', 'count-tokens', 'images-edit']

/** What can be judged neither way here. */
const UNDECIDED = [
  // The simulator does not think, caches nothing, draws and speaks nothing, and quotes what it should go on with.
  'chat-reasoning',
  'chat-reasoning-cap',
  'chat-prompt-caching',
  'chat-prompt-cache-prefix',
  'chat-assistant-prefill',
  'images-generate',
  'audio-speech',
  // There is no limit that could be told.
  'chat-rate-limit-headers',
]

type Result = { id: string; surface: string; outcome: string; failures: { message: string; severity: string }[] }
type Report = { conformance: { results: Result[] } }

test('llmprobe finds nothing wrong but what is known [L-082]', async () => {
  const probe = createRequire(import.meta.url).resolve('llmprobe/bin/dist/llmprobe.mjs')
  const asked = ['-k', judged.apiKey, '-m', judged.model, '--json', '--full', '--no-bench', '--no-save']
  const options = { env: { PATH: process.env.PATH, NO_COLOR: '1' }, maxBuffer: 64 * 1024 * 1024 }
  const { stdout } = await promisify(execFile)(process.execPath, [probe, judged.baseURL, ...asked], options).catch(
    // It ends with 1 when something failed, which its report says better.
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
  )
  const { results } = (JSON.parse(stdout) as Report).conformance
  expect(results.filter(({ id, outcome }) => outcome === 'fail' && !KNOWN.includes(id))).toEqual([])
  const offered = results.filter(({ surface }) => !NOT_OFFERED.includes(surface))
  const undecided = offered.filter(({ outcome }) => outcome !== 'pass').map(({ id }) => id)
  expect(undecided.toSorted()).toEqual(UNDECIDED.toSorted())
  expect(offered.length - undecided.length).toBeGreaterThanOrEqual(39)
}, 120_000)
