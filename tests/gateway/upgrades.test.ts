import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { sendRaw, UPGRADE } from '@jan/embedded/gateway/client.fixture'
import { until } from '@jan/testkit/until'
import { describe, expect, test } from '@jest/globals'
import { startSubject, timeouts } from './harness/subject.ts'

describe('upgrades [H-76 I-062]', () => {
  test('an upgraded connection carries both ways and ends with the client', async () => {
    await using gateway = await startSubject()
    const socket = connect(gateway.port, gateway.host)
    socket.write(UPGRADE)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    await until(() => received.includes('\r\n\r\n'))
    expect(received).toMatch(/^HTTP\/1.1 101 /)
    for (const line of ['upgrade: websocket', 'x-service: yes', 'x-request-id: ', 'x-content-type-options: nosniff'])
      expect(received.toLowerCase()).toContain(`\r\n${line}`)
    for (const word of ['ping', 'pong']) {
      socket.write(word)
      await until(() => received.endsWith(word))
    }
    expect(gateway.services.connections.size).toBe(1)
    socket.destroy()
    await until(() => gateway.services.connections.size === 0)
  })

  test('one without a route is 404, and a service that says no or is away is heard', async () => {
    await using gateway = await startSubject()
    const ask = (path: string) =>
      sendRaw(
        gateway,
        UPGRADE.replace('/v1/ws', path),
        (received) => /\r\n\r\n./s.test(received) || received.includes('\r\n0\r\n'),
      )
    expect(await ask('/nowhere')).toMatch(/^HTTP\/1.1 404 /)
    gateway.services.refuseUpgrades()
    expect(await ask('/v1/ws')).toMatch(/^HTTP\/1.1 401 .*x-content-type-options: nosniff/is)
    await gateway.services.stop()
    expect(await ask('/v1/ws')).toMatch(/^HTTP\/1.1 502 /)
  })

  test('an idle one is cut after the read timeout', async () => {
    await using gateway = await startSubject(timeouts({ read_timeout: 300 }))
    const socket = connect(gateway.port, gateway.host)
    socket.write(UPGRADE)
    expect(await text(socket)).toMatch(/^HTTP\/1.1 101 /)
  })
})
