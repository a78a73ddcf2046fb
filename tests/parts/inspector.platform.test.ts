import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createTestDatabase } from '@jan/testkit/postgres'
import { fromPart } from '@jan/testkit/real-part'
import type { ServiceProcess } from '@jan/testkit/service-process'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startMcpTools } from './mcp-tools.ts'

let service: ServiceProcess
const closers: (() => unknown)[] = []

beforeAll(async () => {
  const database = await createTestDatabase({ service: 'mcp-tools' })
  closers.push(database.drop)
  service = await startMcpTools(database.url)
  closers.unshift(service.stop)
})

afterAll(async () => {
  for (const close of closers) await close()
})

/** What the Inspector prints for a method of the protocol. */
async function inspect(...args: string[]): Promise<Record<string, unknown>> {
  const command = ['--cli', `${service.url}/v1/mcp`, '--transport', 'http', ...args]
  const { stdout } = await promisify(execFile)(fromPart('JAN_TEST_INSPECTOR'), command)
  return JSON.parse(stdout) as Record<string, unknown>
}

test('the Inspector lists the tools [B-011]', async () => {
  const { tools } = (await inspect('--method', 'tools/list')) as { tools: { name: string }[] }
  expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['calculator', 'google_search', 'scrape']))
})

test('and calls one', async () => {
  const call = ['--method', 'tools/call', '--tool-name', 'calculator', '--tool-arg', 'expression=0.1+0.2']
  expect(await inspect(...call)).toMatchObject({ structuredContent: { result: '0.3' } })
})

test('and reads prompts and resources', async () => {
  expect(await inspect('--method', 'prompts/list')).toMatchObject({ prompts: expect.any(Array) })
  expect(await inspect('--method', 'resources/list')).toMatchObject({ resources: [] })
})
