import { expect, test } from '@jest/globals'
import type { ObjectStorage, StoredObject } from '../src/storage/object-storage.ts'
import { png } from './storage-bytes.ts'
import type { Place } from './storage-contract.ts'

async function listed(storage: ObjectStorage, folder: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = []
  for await (const object of storage.list(folder)) objects.push(object)
  return objects.sort((one, other) => (one.key < other.key ? -1 : 1))
}

/** What is known of an object by its key, and what can be done with it. */
export function describeKeys(place: () => Place): void {
  test('replaces an object as a whole, and marks it as another one', async () => {
    const { put, text, head } = place()
    await put('d.png', 'first')
    const first = await head('d.png')
    expect(await head('d.png')).toEqual(first)
    await put('d.png', 'other')
    expect(await text('d.png')).toBe('other')
    expect((await head('d.png'))!.etag).not.toBe(first!.etag)
    expect(first!.etag).toMatch(/^[\w-]+$/)
  })

  test('says when there is no such object', async () => {
    const { storage, run, head } = place()
    expect(await head('none.png')).toBeUndefined()
    expect(await storage.get(`${run}/none.png`)).toBeUndefined()
    expect(await storage.move(`${run}/none.png`, `${run}/other.png`, png)).toBe(false)
    await expect(storage.delete(`${run}/none.png`)).resolves.toBeUndefined()
  })

  test('forgets what was deleted', async () => {
    const { storage, run, put, head } = place()
    await put('e.png', 'x')
    await storage.delete(`${run}/e.png`)
    expect(await head('e.png')).toBeUndefined()
  })

  test('moves an object, over another one too, and onto itself without losing it', async () => {
    const { storage, run, put, text, head } = place()
    const move = (from: string, to: string) => storage.move(`${run}/${from}`, `${run}/${to}`, png)
    await put('from.png', 'moved')
    await put('deep/to.png', 'what was there')
    expect(await move('from.png', 'deep/to.png')).toBe(true)
    expect(await head('from.png')).toBeUndefined()
    expect(await text('deep/to.png')).toBe('moved')
    expect(await move('deep/to.png', 'deep/to.png')).toBe(true)
    expect(await text('deep/to.png')).toBe('moved')
    expect(await move('from.png', 'deep/to.png')).toBe(false)
  })

  test('lists every object of a folder and of those in it, and of no other', async () => {
    const { storage, run, put } = place()
    const since = Date.now() - 5 * 60_000
    const names = [...Array.from({ length: 12 }, (_, index) => `list/${index + 10}.png`), 'list/sub/deep/x.png']
    for (const each of [...names, 'list-more/y.png', 'list.png']) await put(each, each)
    const objects = await listed(storage, `${run}/list`)
    expect(objects.map(({ key, bytes }) => [key, bytes])).toEqual(names.map((each) => [`${run}/${each}`, each.length]))
    for (const { modifiedAt } of objects) expect(modifiedAt.getTime()).toBeGreaterThan(since)
    expect(await listed(storage, `${run}/empty`)).toEqual([])
  })

  test('takes no key that could leave its place, whatever is asked for', async () => {
    const { storage, run } = place()
    const odd = ['../x', 'a/../../x', '/etc/passwd', 'a//b', '.incoming/x', 'a\\b', 'a\0b', '', 'a/', 'a b', 'ü', 'a?b']
    const about = { ...png, expiresInSeconds: 60, filename: 'x.png', isInline: true }
    for (const key of [...odd, 'a'.repeat(513)])
      for (const ask of [
        () => storage.put(key, Buffer.from('x'), png),
        () => storage.get(key),
        () => storage.head(key),
        () => storage.delete(key),
        () => storage.move(key, `${run}/x.png`, png),
        () => storage.move(`${run}/d.png`, key, png),
        () => storage.presign(key, about),
        () => storage.presignPut(key, about),
        () => listed(storage, key),
      ])
        await expect(ask()).rejects.toMatchObject({ code: 'internal' })
  })
}
