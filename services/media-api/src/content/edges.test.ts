import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { createEdgeKeeper, edgesOf } from './edges.ts'
import { createHeldContent } from './held-content.ts'
import { createUtf8Judge } from './utf8-judge.ts'

test('the edges of a stream are those of the whole, however it is cut', () => {
  for (const size of [0, 1, 65_536, 66 * 1024, 100_000, 300_001])
    for (const chunk of [997, 65_536, 140_000, 400_000]) {
      const content = randomBytes(size)
      const keeper = createEdgeKeeper()
      for (let at = 0; at < size; at += chunk) keeper.push(content.subarray(at, at + chunk))
      const [{ head, tail, bytes }, whole] = [keeper.edges, edgesOf(content)]
      expect([head.equals(whole.head), tail.equals(whole.tail), bytes]).toEqual([true, true, size])
    }
})

test('what is held is all of it or nothing', () => {
  const held = createHeldContent(40_000)
  const content = randomBytes(40_000)
  for (let at = 0; at < content.length; at += 7) held.push(content.subarray(at, at + 7))
  expect(held.content?.equals(content)).toBe(true)
  held.push(Buffer.alloc(1))
  expect(held.content).toBeUndefined()
})

test('a character may be cut anywhere between two chunks', () => {
  const text = Buffer.from('aü€😀\u0800')
  for (let one = 0; one <= text.length; one++)
    for (let other = one; other <= text.length; other++) {
      const judge = createUtf8Judge()
      for (const part of [text.subarray(0, one), text.subarray(one, other), text.subarray(other)]) judge.push(part)
      expect(judge.end()).toBe(true)
    }
  for (const bad of ['80', 'c3', 'e282', 'f09f98', 'c080', 'eda080', 'f5808080', '6100']) {
    const judge = createUtf8Judge()
    judge.push(Buffer.from(bad, 'hex'))
    expect(judge.end()).toBe(false)
  }
})
