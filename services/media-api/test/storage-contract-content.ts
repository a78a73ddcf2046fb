import { AppError } from '@jan/service-kit/errors'
import { expect, test } from '@jest/globals'
import type { Content } from '../src/storage/object-storage.ts'
import { collect, hashOf, MIB, mebibytes, pieces } from './storage-bytes.ts'
import type { Place } from './storage-contract.ts'

/** What goes in comes out, or nothing went in. */
export function describeContent(place: () => Place): void {
  test('gives back what was put, whole or in part [H-85]', async () => {
    const { storage, run, put, text, head } = place()
    await put('a.png', '0123456789')
    expect(await head('a.png')).toMatchObject({ bytes: 10 })
    expect(await text('a.png')).toBe('0123456789')
    for (const [start, end, part] of [
      [2, 4, '234'],
      [0, 0, '0'],
      [9, 9, '9'],
    ] as const)
      expect(await collect(await storage.get(`${run}/a.png`, { start, end }))).toBe(part)
  })

  test('takes a stream, whether or not its length is known', async () => {
    const { put, text, head } = place()
    await put('known.png', { stream: pieces('01234', '56789'), length: 10 })
    await put('unknown.png', { stream: pieces('01234', '56789') })
    await put('nothing.png', { stream: pieces() })
    expect([await text('known.png'), await text('unknown.png')]).toEqual(['0123456789', '0123456789'])
    expect(await head('nothing.png')).toMatchObject({ bytes: 0 })
  })

  test('takes 100 MiB as they come, and gives back the same', async () => {
    const { storage, run, put, head } = place()
    await put('large.png', { stream: mebibytes(100) })
    expect(await head('large.png')).toMatchObject({ bytes: 100 * MIB })
    const body = await storage.get(`${run}/large.png`)
    expect(await hashOf(body!)).toBe(await hashOf(mebibytes(100)))
  })

  test('takes large content of a known length, and from memory', async () => {
    const { storage, run, put } = place()
    await put('known-large.png', { stream: mebibytes(17), length: 17 * MIB })
    const inMemory: Uint8Array[] = []
    for await (const block of mebibytes(17)) inMemory.push(block)
    await put('memory.png', Buffer.concat(inMemory))
    for (const key of ['known-large.png', 'memory.png'])
      expect(await hashOf((await storage.get(`${run}/${key}`))!)).toBe(await hashOf(mebibytes(17)))
  })

  test('puts nothing when a stream breaks, or is longer or shorter than announced', async () => {
    const { run, put, text, head, leftovers } = place()
    const gone = new AppError('client_closed_request', 'The client went away')
    const left = 'The client went away'
    const wrong: [Content, string][] = [
      [{ stream: mebibytes(1, gone), length: 2 * MIB }, left],
      [{ stream: mebibytes(1, gone) }, left],
      [{ stream: mebibytes(20, gone), length: 40 * MIB }, left],
      [{ stream: mebibytes(40, gone) }, left],
      [{ stream: pieces('01234', '56789'), length: 9 }, 'More than the announced 9 bytes came'],
      [{ stream: pieces('01234', '56789'), length: 11 }, '10 bytes came where 11 were announced'],
      [{ stream: mebibytes(18), length: 17 * MIB }, `More than the announced ${17 * MIB} bytes came`],
      [{ stream: mebibytes(17), length: 18 * MIB }, `${17 * MIB} bytes came where ${18 * MIB} were announced`],
    ]
    await put('kept.png', 'as it was')
    for (const [content, message] of wrong) await expect(put('kept.png', content)).rejects.toThrow(message)
    await expect(put('c.png', { stream: mebibytes(20, gone) })).rejects.toThrow(left)
    expect(await head('kept.png')).toMatchObject({ bytes: 'as it was'.length })
    expect(await text('kept.png')).toBe('as it was')
    expect(await head('c.png')).toBeUndefined()
    expect(await leftovers(run)).toEqual([])
  })

  test('lets go of a stream that it does not read to its end', async () => {
    const { put } = place()
    let isOpen = true
    async function* stream() {
      try {
        yield* pieces('0123456789', '0123456789')
      } finally {
        isOpen = false
      }
    }
    await expect(put('c.png', { stream: stream(), length: 5 })).rejects.toThrow('More than the announced')
    expect(isOpen).toBe(false)
  })
}
