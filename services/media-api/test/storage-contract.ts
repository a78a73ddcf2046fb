import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Content, ObjectStorage } from '../src/storage/object-storage.ts'
import { collect, png } from './storage-bytes.ts'
import { describeContent } from './storage-contract-content.ts'
import { describeKeys } from './storage-contract-keys.ts'
import { describeReading, describeWriting } from './storage-contract-urls.ts'

export type Opened = {
  storage: ObjectStorage
  /** What lies about of uploads that broke, to keys that begin like this. */
  leftovers(prefix: string): Promise<string[]>
  close(): Promise<void> | void
}

/** Where the tests of one run put their objects. Keys are those inside the folder of the run. */
export type Place = Omit<Opened, 'close'> & {
  run: string
  put(key: string, content: Content | string): Promise<void>
  text(key: string): Promise<string>
  head: ObjectStorage['head']
}

/** What every object storage must do. */
export function describeStorage(name: string, openStorage: () => Promise<Opened>): void {
  describe(name, () => {
    let opened: Opened
    const run = `media/run-${process.pid}-${Date.now()}`
    const at = (key: string) => `${run}/${key}`
    const place = (): Place => {
      const { storage, leftovers } = opened
      return {
        ...{ storage, leftovers, run },
        put: (key, content) => storage.put(at(key), typeof content === 'string' ? Buffer.from(content) : content, png),
        text: async (key) => collect(await storage.get(at(key))),
        head: (key) => storage.head(at(key)),
      }
    }

    beforeAll(async () => {
      opened = await openStorage()
    })
    afterAll(async () => {
      for await (const { key } of opened.storage.list(run)) await opened.storage.delete(key)
      await opened.close()
    })

    test('can be used', async () => {
      await expect(opened.storage.check()).resolves.toBeUndefined()
    })

    describeContent(place)
    describeKeys(place)
    describeReading(place)
    describeWriting(place)
  })
}
