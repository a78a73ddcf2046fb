import { expect, test } from '@jest/globals'
import { chunkText } from './chunk-text.ts'
import { joinChunks } from './join-chunks.ts'

const sentences = (count: number) =>
  Array.from({ length: count }, (_, nth) => `This is sentence number ${nth} of a text.`).join(' ')

test('pieces end where sentences end, overlap, and are the whole text together [B-021]', () => {
  const text = sentences(100)
  const chunks = chunkText(text, { size: 400, overlap: 80 })
  expect(chunks.length).toBeGreaterThan(9)
  for (const [nth, { start, text: piece }] of chunks.entries()) {
    expect(text.slice(start, start + piece.length)).toBe(piece)
    expect(piece.length).toBeLessThanOrEqual(400)
    expect(piece.trimEnd()).toMatch(/text\.$/)
    const next = chunks[nth + 1]
    if (next) expect(next.start).toBeLessThan(start + piece.length)
  }
  expect(joinChunks(chunks)).toBe(text)
})

test('a paragraph’s end is the best end', () => {
  const text = `${'a b c '.repeat(50)}\n\n${'d e f '.repeat(50)}`
  const [first] = chunkText(text, { size: 400, overlap: 0 })
  expect(first?.text).toBe(`${'a b c '.repeat(50)}\n\n`)
})

test('a text without an end anywhere is cut, never inside a character', () => {
  const text = '🐝'.repeat(500)
  const chunks = chunkText(text, { size: 101, overlap: 31 })
  for (const chunk of chunks) expect(chunk.text.isWellFormed()).toBe(true)
  expect(joinChunks(chunks)).toBe(text)
})

test.each([
  [1, 0],
  [2, 1],
  [100, 50],
])('it comes to an end with pieces of %i and an overlap of %i', (size, overlap) => {
  const text = `x\u0301${' y'.repeat(200)}${'\u0301'.repeat(300)} é🐝`
  const joined = joinChunks(chunkText(text, { size, overlap }))
  expect(joined.replaceAll('\n', ' ')).toBe(text)
})

test('blank text has no pieces', () => {
  expect(chunkText(' \n\n ', { size: 10, overlap: 2 })).toEqual([])
  expect(chunkText('', { size: 10, overlap: 2 })).toEqual([])
})
