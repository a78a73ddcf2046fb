import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Booted, boot } from './boot.ts'

type Result = { structuredContent?: { id: string; text: string }; isError?: boolean; tools: { name: string }[] }

let service: Booted
let ann: Record<string, string>
beforeAll(async () => {
  service = await boot({ MCP_ENABLED: 'true' })
  ann = await service.as('ann')
})
afterAll(() => service.close())

const ask = async (who: Record<string, string>, method: string, params: object = {}): Promise<Result> => {
  const headers = { ...who, 'content-type': 'application/json' }
  return (await service.call('/mcp', headers, { jsonrpc: '2.0', id: 1, method, params })).body.result as Result
}
const call = (who: Record<string, string>, name: string, args: object, key?: string) =>
  ask(who, 'tools/call', { name, arguments: args, ...(key ? { _meta: { 'jan/idempotency-key': key } } : {}) })

test('operations that say so are tools, for those who may use them', async () => {
  const { tools } = await ask(ann, 'tools/list')
  expect(tools.map(({ name }) => name)).toEqual(['create_template_note', 'get_template_note'])
  const { structuredContent: made } = await call(ann, 'create_template_note', { text: 'hello' })
  expect(made).toMatchObject({ text: 'hello' })
  expect((await call(ann, 'get_template_note', { id: made!.id })).structuredContent).toEqual(made)
  expect((await call(await service.as('bob'), 'get_template_note', { id: made!.id })).isError).toBe(true)
})

test('a call that is repeated under its key makes nothing', async () => {
  const once = await call(ann, 'create_template_note', { text: 'once' }, 'k1')
  expect((await call(ann, 'create_template_note', { text: 'once' }, 'k1')).structuredContent).toEqual(
    once.structuredContent,
  )
  expect((await call(ann, 'create_template_note', { text: 'other' }, 'k1')).isError).toBe(true)
  expect(await service.database.query("SELECT id FROM note WHERE text IN ('once', 'other')")).toHaveLength(1)
})

test('no tools are served unless that is asked for', async () => {
  const usual = await boot()
  expect((await usual.call('/mcp', await usual.as('ann'), { jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(404)
  await usual.close()
})
