import { randomBytes } from 'node:crypto'
import { until } from '@jan/testkit/until'
import { stringify } from 'yaml'
import type { KongFile } from './kong-file.ts'
import type { Running } from './subject.ts'

type Place = { url: string; admin: string; upstream: string }

/** Kong counts in the minutes of the clock, and what came before in this one counts, whichever file it served. */
async function nextMinute(): Promise<void> {
  const minute = () => Math.floor(Date.now() / 60_000)
  const began = minute()
  await until(() => minute() > began, 61_000)
}

/** Gives Kong the file, its services where the suite has them, and waits until it serves this file and no earlier one. */
export async function configureKong(
  { url, admin, upstream }: Place,
  file: KongFile,
  ports: Record<string, number>,
): Promise<Running> {
  const mark = `suite-${randomBytes(6).toString('hex')}`
  // A host that the suite does not run stays what it is: unknown.
  const services = file.services.map((service) =>
    service.host in ports ? { ...service, host: upstream, port: ports[service.host]! } : service,
  )
  const first = services[0]!
  const marked = { ...first, name: mark, routes: [{ ...first.routes[0], name: mark, paths: [`/${mark}`] }] }
  const answer = await fetch(new URL('/config', admin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ config: stringify({ ...file, services: [...services, marked] }) }),
  })
  if (answer.status !== 201) throw new Error(`Kong refuses the file: ${answer.status} ${await answer.text()}`)

  const { hostname: host, port = '' } = new URL(url)
  // A preflight needs a route and counts against no limit.
  const headers = { origin: 'http://localhost', 'access-control-request-method': 'GET' }
  await until(async () => (await fetch(new URL(mark, url), { method: 'OPTIONS', headers })).status === 200)
  return {
    host,
    port: Number(port || 80),
    hostOf: (service) => `${upstream}:${ports[service]}`,
    freshWindow: nextMinute,
    close: async () => {},
  }
}
