import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createMetrics } from '@jan/service-kit/metrics'
import { until } from '@jan/testkit/until'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Asked } from '../tools/surface.ts'
import { createPolicy } from './create-policy.ts'
import type { StoredPolicy } from './policy.store.ts'

const HINTS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const tool = (name: string) => ({ name, server: 'jan', paid: false, annotations: HINTS })
const asked: Asked = { caller: { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: [] }, surface: 'mcp' }
const only = (name: string) => `rules: [{tool: ${name}, decide: allow}]`

let folder: string
let path: string
let closers: Closers
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tool-policy-'))
  path = join(folder, 'rules.yml')
  writeFileSync(path, only('a'))
  closers = new Closers()
})
afterEach(async () => {
  await closers.close(silentLogger)
  rmSync(folder, { recursive: true })
})

function start(find: () => Promise<StoredPolicy | undefined>) {
  const errors: string[] = []
  const log = Object.assign(Object.create(silentLogger), {
    error: ({ reason }: { reason: string }) => errors.push(reason),
  }) as typeof silentLogger
  const store = { find, save: async () => {}, delete: async () => false }
  const options = { file: 'rules.yml', path, store, log, redis: undefined, metrics: createMetrics('test'), askFor: [] }
  const policy = createPolicy(options, closers)
  const allows = (name: string) => policy.decide({ ...asked }, tool(name)) === 'allow'
  return { policy, errors, allows }
}

test('a file that becomes wrong leaves the rules before it in force, and the log says why [B-043]', async () => {
  const { allows, errors } = start(async () => undefined)
  writeFileSync(path, `${only('b').slice(0, -1)}, {decide: perhaps}]`)
  await until(() => errors.length > 0)
  expect(errors[0]).toMatch(/^rules\.yml: rules\.1\.decide: /)
  expect([allows('a'), allows('b')]).toEqual([true, false])
  writeFileSync(path, only('bb'))
  await until(() => allows('bb'))
  expect(allows('a')).toBe(false)
})

describe('while the database cannot tell the rules [B-047]', () => {
  const stored = (name: string): StoredPolicy => ({
    document: { rules: [{ tool: name, decide: 'allow' }] },
    updatedAt: new Date(0),
    updatedBy: 'root',
  })

  test('nothing is judged before they were read once, and then what was read holds', async () => {
    let isAway = true
    const { policy, allows } = start(async () => {
      if (isAway) throw new Error('no database')
      return stored('c')
    })
    await expect(policy.fresh()).rejects.toMatchObject({ code: 'unavailable' })
    isAway = false
    await policy.fresh()
    expect([allows('a'), allows('c')]).toEqual([false, true])
    isAway = true
    await expect(policy.current()).rejects.toThrow('no database')
    await policy.fresh()
    expect(allows('c')).toBe(true)
  })

  test('stored rules that mean nothing to this version are none', async () => {
    const { policy } = start(async () => ({ ...stored('c'), document: { rules: [{ decide: 'perhaps' }] } }))
    await expect(policy.fresh()).rejects.toMatchObject({ code: 'unavailable' })
  })
})
