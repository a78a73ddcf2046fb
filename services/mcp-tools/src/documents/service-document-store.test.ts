import { expect, test } from '@jest/globals'
import type { DocumentStore } from './document.store.ts'
import { createServiceDocumentStore } from './service-document-store.ts'

type Put = Parameters<DocumentStore['put']>

const then = new Date(0)
const row = { workspaceId: 'ada', collectionId: 'vs_1', id: 'bees', tags: [], metadata: {}, createdAt: then }

/** What was done to both, in its order. */
function both({ full = false, away = false, replaced = false }) {
  const done: string[] = []
  const local = {
    put: async () => {
      if (full) throw new Error('full')
      done.push('put here')
      return { ...row, indexedAt: replaced ? new Date(1) : then }
    },
    delete: async () => done.push('deleted here'),
  }
  const service = {
    index: async () => {
      if (away) throw new Error('away')
      done.push('put there')
    },
    query: async () => [],
  }
  const store = createServiceDocumentStore(local as unknown as DocumentStore, service)
  return { done, put: () => store.put(row as unknown as Put[0], [{ start: 0, text: 'Bees', embedding: null }]) }
}

test('a document is kept here first: what is refused here never reaches the service [B-026]', async () => {
  const fine = both({})
  await fine.put()
  expect(fine.done).toEqual(['put here', 'put there'])
  const full = both({ full: true })
  await expect(full.put()).rejects.toThrow('full')
  expect(full.done).toEqual([])
})

test('what the service does not take is not kept, but nothing older is lost for it [B-026]', async () => {
  const away = both({ away: true })
  await expect(away.put()).rejects.toThrow('away')
  expect(away.done).toEqual(['put here', 'deleted here'])
  const replaced = both({ away: true, replaced: true })
  await expect(replaced.put()).rejects.toThrow('away')
  expect(replaced.done).toEqual(['put here'])
})
