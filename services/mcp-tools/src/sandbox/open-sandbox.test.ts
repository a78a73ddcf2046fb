import { silentLogger } from '@jan/service-kit/logger'
import { serve } from '@jan/testkit/serve'
import { expect, test } from '@jest/globals'
import { loadConfig } from '../config.ts'
import { openSandbox } from './open-sandbox.ts'
import { createFusionFake } from './sandbox-fusion.fake.ts'

const key = `k:${Buffer.alloc(32, 1).toString('base64url')}`
const open = (variables: Record<string, string>) =>
  openSandbox(
    loadConfig({
      INTERNAL_TOKEN_KEYS: key,
      FIELD_ENCRYPTION_KEYS: key,
      MCP_TOOLS_DATABASE_URL: 'postgres://localhost/mcp_tools',
      ...variables,
    }).sandbox,
    silentLogger,
  )

test('the operator chooses what runs programs [B-032 P-049]', async () => {
  const fake = createFusionFake()
  await using server = await serve(fake.listener)
  const far = open({ SANDBOXFUSION_URL: server.url })
  expect(await far.run({ language: 'javascript', code: 'echo' })).toMatchObject({ exitCode: 0 })
  expect(fake.requests).toHaveLength(1)
  const near = open({
    SANDBOXFUSION_URL: server.url,
    MCP_SANDBOX_PROVIDER: 'local',
    SANDBOX_WHEELS_DIR: '/nonexistent',
  })
  expect(await near.run({ language: 'javascript', code: '6 * 7' })).toMatchObject({ result: '42' })
  expect(fake.requests).toHaveLength(1)
  await Promise.all([far.close(), near.close()])
}, 60_000)
