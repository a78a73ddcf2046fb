import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

const SCRIPT = fileURLToPath(new URL('../../keycloak/start.sh', import.meta.url))
let home: string

/** In the place of Keycloak, something that says how it was started. */
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'jan-keycloak-'))
  mkdirSync(join(home, 'bin'))
  writeFileSync(join(home, 'bin/kc.sh'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 })
})
afterAll(() => rmSync(home, { recursive: true }))

const start = (secret?: string) => {
  const env = {
    PATH: process.env.PATH,
    KEYCLOAK_HOME: home,
    ...(secret === undefined ? {} : { JAN_BACKEND_CLIENT_SECRET: secret }),
  }
  const { status, stdout, stderr } = spawnSync('sh', [SCRIPT, '--http-enabled=true'], { env, encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}`.trim() }
}

test('Keycloak starts with a secret of its own, and not without one [I-008]', () => {
  expect(start('x'.repeat(32))).toEqual({ status: 0, said: 'start --import-realm --http-enabled=true' })
  for (const secret of [undefined, '', 'short', `${'x'.repeat(32)}"`, `${'x'.repeat(32)} `]) {
    const { status, said } = start(secret)
    expect([secret, status === 0, said]).toEqual([secret, false, expect.stringContaining('JAN_BACKEND_CLIENT_SECRET')])
  }
})
