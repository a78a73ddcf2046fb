import { expect, test } from '@jest/globals'
import type { ServerSpec } from './server-spec.ts'
import type { Definition } from './tool-definition.ts'
import type { Sighting, ToolPin } from './tool-pins.store.ts'
import { createToolShelf } from './tool-shelf.ts'

function shelfOf(maxTools: number) {
  const kept = new Map<string, ToolPin>()
  let sights = 0
  const see = async (_id: string, seen: Sighting[], most: number) => {
    sights++
    for (const { definition, hash } of seen)
      if (!kept.has(definition.name) && kept.size < most)
        kept.set(definition.name, { tool: definition.name, hash, definition } as ToolPin)
    return kept
  }
  const pins = { see } as Parameters<typeof createToolShelf>[0]['pins']
  const spec = { id: 'far', name: 'far', maxTools, timeoutMs: 1_000, source: 'api' } as ServerSpec
  const shelf = createToolShelf({ pins, ours: new Set(), onNews: () => undefined }, spec, () => Promise.reject())
  return { shelf, kept, sights: () => sights }
}
const toolsOf = (...names: string[]): Definition[] => names.map((name) => ({ name, inputSchema: { type: 'object' } }))

test('a server that ever renames its tools is remembered up to a limit, and told why [B-039]', async () => {
  const { shelf, kept } = shelfOf(2)
  for (const name of 'abcdefgh') await shelf.put(toolsOf(name, `${name}2`))
  expect(kept.size).toBe(6)
  expect(shelf.tools()).toEqual([])
  expect(shelf.judged().refused).toEqual([
    { name: 'h', reason: expect.stringContaining('more than 6 tools') },
    { name: 'h2', reason: expect.stringContaining('more than 6 tools') },
  ])
  await shelf.put(toolsOf('a', 'b'))
  expect(shelf.tools()).toHaveLength(2)
})

test('pins are not looked at again for the same list, unless they have news or the server was away [B-039]', async () => {
  const { shelf, sights } = shelfOf(10)
  for (let times = 0; times < 3; times++) await shelf.put(toolsOf('a'))
  expect(sights()).toBe(1)
  await shelf.lookAtPins()
  expect(sights()).toBe(2)
  shelf.clear()
  await shelf.put(toolsOf('a'))
  expect(sights()).toBe(3)
  expect(shelf.tools()).toHaveLength(1)
})
