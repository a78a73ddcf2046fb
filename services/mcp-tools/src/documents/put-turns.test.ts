import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { createPutTurns } from './put-turns.ts'

test('one at a time of a workspace, a few of all, and nobody is left out', async () => {
  const turns = createPutTurns(6)
  const running = { all: 0, most: 0, a: 0, mostOfA: 0 }
  const put = (workspaceId: string) =>
    turns.ofWorkspace(workspaceId, () =>
      turns.ofAll(async () => {
        running.most = Math.max(running.most, ++running.all)
        if (workspaceId === 'a') running.mostOfA = Math.max(running.mostOfA, ++running.a)
        await setImmediate()
        if (workspaceId === 'a') running.a--
        running.all--
        if (workspaceId === 'broken') throw new Error('broken')
        return workspaceId
      }),
    )
  const names = ['a', 'a', 'b', 'c', 'a', 'd', 'e', 'b', 'a']
  expect(await Promise.all(names.map(put))).toEqual(names)
  expect(running).toMatchObject({ all: 0, most: 3, mostOfA: 1 })
  await expect(put('broken')).rejects.toThrow('broken')
  await expect(put('broken')).rejects.toThrow('broken')
})

test('who comes when too many wait is told so', async () => {
  const turns = createPutTurns(2)
  const { promise, resolve } = Promise.withResolvers<void>()
  const waiting = Array.from({ length: 201 }, () => turns.ofWorkspace('a', () => promise))
  await expect(turns.ofWorkspace('a', async () => undefined)).rejects.toMatchObject({ code: 'unavailable' })
  expect(await turns.ofWorkspace('b', async () => 'b')).toBe('b')
  resolve()
  await Promise.all(waiting)
})
