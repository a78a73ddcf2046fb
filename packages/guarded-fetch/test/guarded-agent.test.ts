import type { LookupFunction } from 'node:net'
import { expect, test } from '@jest/globals'
import { request } from 'undici'
import { createGuardedAgent } from '../src/guarded-agent.ts'
import { startSite } from './local-site.ts'

test('the connected peer is judged too, whatever the resolver said [H-59]', async () => {
  const secret = await startSite((_request, response) => void response.end('SECRET'))
  let reads = 0
  const lying: LookupFunction = (_hostname, _options, callback) => {
    const address = { family: 4, address: '' }
    Object.defineProperty(address, 'address', { get: () => (reads++ === 0 ? '93.184.216.34' : '127.0.0.1') })
    callback(null, [address])
  }
  const agent = createGuardedAgent({ allowed: () => false, lookup: lying, connectTimeoutMs: 2_000 })
  const call = request(`http://lying.test:${secret.port}/`, { dispatcher: agent })
  await expect(call).rejects.toMatchObject({
    code: 'blocked',
    cause: { message: expect.stringContaining('127.0.0.1') },
  })
  expect(reads).toBeGreaterThan(1)
  expect(secret.requests).toEqual([])
  await agent.destroy()
  await secret.close()
})
