import { expect, test } from '@jest/globals'
import type { Policy } from '../policy/policy.ts'
import { createCatalog } from './catalog.ts'
import type { OfferedTool, ToolSource } from './offered-tool.ts'
import type { Asked } from './surface.ts'

const tool = (name: string, server = 'jan') => ({ name, server }) as OfferedTool
const source = (...tools: OfferedTool[]): ToolSource => ({ tools: () => tools })
const never: ToolSource = { tools: () => new Promise(() => undefined) }
const asked = { caller: { subject: 'ada' }, surface: 'mcp' } as Asked
const policy = {
  fresh: async () => undefined,
  excludes: () => false,
  decide: (_asked: Asked, { name }: OfferedTool) => (name === 'denied' ? 'deny' : 'allow'),
} as unknown as Policy

test('a source that hangs holds up nobody who calls a tool of another [B-053]', async () => {
  const catalog = createCatalog([source(tool('one'), tool('denied')), source(tool('two')), never], policy)
  expect(await catalog.find(asked, 'one')).toMatchObject({ name: 'one' })
  expect(await catalog.find(asked, 'two')).toMatchObject({ name: 'two' })
  expect(await catalog.find(asked, 'denied')).toBeUndefined()
})

test('of two tools of one name the earlier source has it, also when it may not be used [B-053]', async () => {
  const catalog = createCatalog(
    [source(tool('one'), tool('denied')), source(tool('one', 'far'), tool('denied', 'far'))],
    policy,
  )
  expect(await catalog.find(asked, 'one')).toMatchObject({ server: 'jan' })
  expect([await catalog.find(asked, 'denied'), await catalog.find(asked, 'nothing')]).toEqual([undefined, undefined])
  expect((await catalog.list(asked)).map(({ name }) => name)).toEqual(['one'])
})
