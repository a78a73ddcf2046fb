import { Readable } from 'node:stream'
import { AppError } from '@jan/service-kit/errors'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Content, ObjectStorage } from '../src/storage/object-storage.ts'

type Opened = { storage: ObjectStorage; close(): Promise<void> | void }

export const png = { type: 'image/png' }

export async function collect(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** What every object storage must do. */
export function describeStorage(name: string, openStorage: () => Promise<Opened>): void {
  describe(name, () => {
    let opened: Opened
    let storage: ObjectStorage
    const run = `images/run-${process.pid}-${Date.now()}`

    beforeAll(async () => {
      opened = await openStorage()
      storage = opened.storage
    })
    afterAll(() => opened.close())

    test('can be used', async () => {
      await expect(storage.check()).resolves.toBeUndefined()
    })

    test('gives back what was put, whole or in part [H-85]', async () => {
      await storage.put(`${run}/a.png`, Buffer.from('0123456789'), png)
      expect(await storage.head(`${run}/a.png`)).toEqual({ bytes: 10 })
      expect(await collect(await storage.get(`${run}/a.png`))).toBe('0123456789')
      expect(await collect(await storage.get(`${run}/a.png`, { start: 2, end: 4 }))).toBe('234')
    })

    test('takes a stream of a known length', async () => {
      const stream = Readable.from([Buffer.from('01234'), Buffer.from('56789')], { objectMode: false })
      await storage.put(`${run}/b.png`, { stream, length: 10 }, png)
      expect(await collect(await storage.get(`${run}/b.png`))).toBe('0123456789')
    })

    test('puts nothing when a stream breaks, or is longer or shorter than announced', async () => {
      async function* broken() {
        yield Buffer.from('01234')
        throw new AppError('client_closed_request', 'The client went away')
      }
      const stream = () => Readable.from([Buffer.from('0123456789')], { objectMode: false })
      const put = (content: Content) => storage.put(`${run}/c.png`, content, png)
      await expect(put({ stream: broken(), length: 10 })).rejects.toThrow('The client went away')
      await expect(put({ stream: stream(), length: 9 })).rejects.toThrow('More than the announced 9 bytes came')
      await expect(put({ stream: stream(), length: 11 })).rejects.toThrow('10 bytes came where 11 were announced')
      expect(await storage.head(`${run}/c.png`)).toBeUndefined()
    })

    test('replaces an object as a whole', async () => {
      await storage.put(`${run}/d.png`, Buffer.from('a longer first version'), png)
      await storage.put(`${run}/d.png`, Buffer.from('second'), png)
      expect(await collect(await storage.get(`${run}/d.png`))).toBe('second')
    })

    test('says when there is no such object', async () => {
      expect(await storage.head(`${run}/none.png`)).toBeUndefined()
      expect(await storage.get(`${run}/none.png`)).toBeUndefined()
      await expect(storage.delete(`${run}/none.png`)).resolves.toBeUndefined()
    })

    test('forgets what was deleted', async () => {
      await storage.put(`${run}/e.png`, Buffer.from('x'), png)
      await storage.delete(`${run}/e.png`)
      expect(await storage.head(`${run}/e.png`)).toBeUndefined()
    })
  })
}
