import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { createGateway } from '@jan/embedded/gateway/gateway'
import { parseKongFile } from '@jan/embedded/gateway/kong-file'
import { startRecorder } from '@jan/embedded/gateway/recorder.fixture'
import { freePort } from '@jan/testkit/free-port'
import { serve } from '@jan/testkit/serve'
import { expect, test } from '@jest/globals'
import { parse, stringify } from 'yaml'
import type { KongFile } from './harness/kong-file.ts'
import { configureKong } from './harness/real-kong.ts'

const SHIPPED = readFileSync(new URL('../../kong/kong.yml', import.meta.url), 'utf8')

/** What this suite needs of a Kong without a database: `POST /config` puts another file in force, at the same address. */
async function startKongStandIn() {
  const port = await freePort()
  let gateway: { close(graceMs: number): Promise<unknown> } | undefined
  const admin = await serve(async (request, response) => {
    const { config } = JSON.parse(await text(request)) as { config: string }
    const file = parse(config) as KongFile
    if (request.method !== 'POST' || request.url !== '/config' || file._format_version !== '3.0')
      return response.writeHead(400).end('{"message":"declarative config is invalid"}')
    const ports: Record<string, number> = {}
    for (const [index, service] of file.services.entries()) {
      ports[`at-${index}`] = Number(service.port)
      service.host = `at-${index}`
    }
    await gateway?.close(0)
    const next = createGateway({ config: parseKongFile(stringify(file)), ports, production: false })
    await next.listen(port)
    gateway = next
    return response.writeHead(201).end('{}')
  })
  const close = async () => {
    await gateway?.close(0)
    await admin.close()
  }
  return { url: `http://127.0.0.1:${port}`, admin: admin.url, [Symbol.asyncDispose]: close }
}

test('a Kong elsewhere is given one file after another, and is judged when it serves the last one [I-062]', async () => {
  await using kong = await startKongStandIn()
  const services = await startRecorder('127.0.0.1')
  const place = { url: kong.url, admin: kong.admin, upstream: '127.0.0.1' }
  const file = parse(SHIPPED) as KongFile
  const first = await configureKong(place, file, services.ports)
  expect(`http://${first.host}:${first.port}`).toBe(kong.url)
  expect((await fetch(`${kong.url}/v1/models`)).status).toBe(200)

  const without = { ...file, services: file.services.filter(({ name }) => name !== 'llm-api') }
  await configureKong(place, without, services.ports)
  expect((await fetch(`${kong.url}/v1/models`)).status).toBe(404)

  const refused = configureKong(place, { ...file, _format_version: '9.9' }, services.ports)
  await expect(refused).rejects.toThrow('Kong refuses the file: 400')
  await services.stop()
})
