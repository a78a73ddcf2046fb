import { createSocket } from 'node:dgram'
import { type LookupAddress, promises } from 'node:dns'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createNameLookup } from './look-up-name.ts'

/** A server of names: `good.test` is 93.184.216.34, names of `hangs.test` are never answered, others are nobody's. */
const server = createSocket('udp4')
const asked: string[] = []
let resolver: promises.Resolver
beforeAll(async () => {
  server.on('message', (query, { port, address }) => {
    const labels: string[] = []
    let at = 12
    for (; query[at]! > 0; at += query[at]! + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!))
    const name = labels.join('.')
    asked.push(name)
    if (name.endsWith('hangs.test')) return
    const question = query.subarray(12, at + 5)
    const isFound = name === 'good.test' && question.at(-3) === 1
    const head = Buffer.from(query.subarray(0, 12))
    head.writeUInt16BE(isFound || name === 'good.test' ? 0x8180 : 0x8183, 2)
    head.writeUInt16BE(isFound ? 1 : 0, 6)
    head.fill(0, 8, 12)
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 216, 34])
    server.send(Buffer.concat([head, question, isFound ? answer : Buffer.alloc(0)]), port, address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  resolver = new promises.Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`127.0.0.1:${server.address().port}`])
})
afterAll(() => {
  resolver.cancel()
  server.close()
})

type Lookup = ReturnType<typeof createNameLookup>
const ask = (lookup: Lookup, name: string) =>
  new Promise<LookupAddress[]>((resolve, reject) => {
    lookup(name, { all: true }, (error, found) => (error ? reject(error) : resolve(found as LookupAddress[])))
  })
const FOUND = [{ address: '93.184.216.34', family: 4 }]

test('names whose servers hang take no thread of the system, and no other name waits for them [B-101]', async () => {
  const bySystem: string[] = []
  const lookup = createNameLookup({
    resolver,
    system: async (name) => {
      bySystem.push(name)
      return FOUND
    },
  })
  const hanging = Array.from({ length: 20 }, (_, n) => ask(lookup, `n${n}.hangs.test`))
  const ended = Promise.race(hanging).catch(() => 'one that hangs')
  expect(await Promise.race([ended, ask(lookup, 'good.test')])).toEqual(FOUND)
  for (const each of await Promise.allSettled(hanging)) expect(each.status).toBe('rejected')
  expect(bySystem).toEqual([])
})

test('what no server of names knows the system is asked for by two at a time, what the operator trusts at once [B-101]', async () => {
  const waiting: ((found: LookupAddress[]) => void)[] = []
  const names: string[] = []
  const lookup = createNameLookup({
    trusted: new Set(['intranet']),
    resolver,
    system: (name) => {
      names.push(name)
      return new Promise((resolve) => waiting.push(resolve))
    },
  })
  const unknown = Array.from({ length: 6 }, (_, n) => ask(lookup, `nobody${n}.test`))
  while (asked.filter((name) => name.startsWith('nobody')).length < 12)
    await new Promise((resolve) => setTimeout(resolve, 5))
  while (names.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  void ask(lookup, 'intranet')
  expect(names).toEqual([expect.stringContaining('nobody'), expect.stringContaining('nobody'), 'intranet'])
  expect(asked).not.toContain('intranet')
  waiting[2]!([])
  for (let answered = 0; answered < 7; answered++) {
    while (waiting.length <= answered) await new Promise((resolve) => setTimeout(resolve, 5))
    if (answered !== 2) waiting[answered]!(FOUND)
  }
  for (const found of await Promise.all(unknown)) expect(found).toEqual(FOUND)
})
