import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { freePort } from '@jan/testkit/free-port'
import { expect, test } from '@jest/globals'
import { startRedis } from '../src/redis.ts'

test('it speaks to this machine only, and stops although a client stays connected [P-037]', async () => {
  const port = await freePort()
  const stop = await startRedis(port)
  const client = connect(port, '127.0.0.1')
  client.write('SET greeting hello\r\nGET greeting\r\n')
  let said = ''
  while (!said.endsWith('hello\r\n')) said += String((await once(client, 'data'))[0])
  expect(said).toBe('+OK\r\n$5\r\nhello\r\n')
  const outside = Object.values(networkInterfaces()).flatMap((each) => each?.filter(({ internal }) => !internal) ?? [])
  for (const { address } of outside)
    await expect(once(connect(port, address), 'connect')).rejects.toMatchObject({ code: expect.any(String) })
  await expect(startRedis(port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await Promise.all([stop(), once(client, 'close')])
})
