import { expect, test } from '@jest/globals'
import { createKnownServers } from './known-servers.ts'

type Deps = Parameters<typeof createKnownServers>[0]

test('what changes while the servers are read is read again [B-035]', async () => {
  let news = 'one'
  let reads = 0
  let at = 0
  const first = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const known = createKnownServers({
    store: {
      news: async () => news,
      visible: async () => {
        reads++
        if (reads > 1) return []
        asked.resolve()
        await first.promise
        return []
      },
    } as unknown as Deps['store'],
    file: { servers: () => [] } as unknown as Deps['file'],
    cipher: {} as Deps['cipher'],
    log: { warn: () => undefined } as unknown as Deps['log'],
    now: () => new Date(at),
    onNews: () => undefined,
  })
  const slow = known.of('ada')
  await asked.promise
  // Somebody else's look sees the change while the first read is under way.
  news = 'two'
  at += 10_000
  await known.of('bob')
  first.resolve()
  await slow
  const before = reads
  await known.of('ada')
  expect(reads).toBe(before + 1)
})
