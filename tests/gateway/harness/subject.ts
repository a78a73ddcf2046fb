import { readFileSync } from 'node:fs'
import { startRecorder } from '@jan/embedded/gateway/recorder.fixture'
import { parse, stringify } from 'yaml'
import { startEmbedded } from './embedded-gateway.ts'
import type { KongFile } from './kong-file.ts'
import { configureKong } from './real-kong.ts'

/**
 * The gateway that is judged: the embedded one, or a real Kong when GATEWAY_URL says where it is. Run it then with
 *
 *   GATEWAY_URL=http://127.0.0.1:8000 npm run jest -- tests/gateway --runInBand
 *
 * and, where the defaults do not fit,
 *
 *   GATEWAY_ADMIN_URL      Kong's admin API; the suite gives Kong one file after another by POST /config.
 *                          http://127.0.0.1:8001
 *   GATEWAY_UPSTREAM_HOST  where Kong reaches this machine: the services that it is to find there are the suite's own,
 *                          on free ports of every address. 127.0.0.1, which fits a Kong on this machine's network
 *
 * Kong 3.9 or later, without a database, one worker, what belongs into its own settings set:
 *
 *   docker run --rm --network host -e KONG_DATABASE=off -e KONG_ADMIN_LISTEN=127.0.0.1:8001 -e KONG_HEADERS=off \
 *     -e KONG_NGINX_WORKER_PROCESSES=1 -e KONG_LUA_MAX_REQ_HEADERS=1000 -e KONG_ANONYMOUS_REPORTS=off \
 *     -e KONG_TRACING_INSTRUMENTATIONS=all -e KONG_TRACING_SAMPLING_RATE=1.0 \
 *     -e OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces kong:3.9
 *
 * The tests of limits wait for the next minute there. One Kong serves one test at a time, hence --runInBand.
 */
const { GATEWAY_URL, GATEWAY_ADMIN_URL = 'http://127.0.0.1:8001', GATEWAY_UPSTREAM_HOST = '127.0.0.1' } = process.env

/** What counts requests must not stand in the way of what has nothing to do with it. */
const PLENTY = { minute: 1_000_000, hour: 60_000_000 }
const SHIPPED = readFileSync(new URL('../../../kong/kong.yml', import.meta.url), 'utf8')

export type Running = {
  host: string
  port: number
  /** The Host header that a service of this name gets. */
  hostOf(service: string): string
  /** Until a fixed window of the limiter has begun, with most of it ahead. */
  freshWindow(): Promise<void>
  close(): Promise<void>
}
export type Subject = Awaited<ReturnType<typeof startSubject>>

/** `change` alters the shipped file; `ports` puts something else in the place of a service. */
export async function startSubject(change: (file: KongFile) => void = () => {}, ports: Record<string, number> = {}) {
  const services = await startRecorder(GATEWAY_URL ? '0.0.0.0' : '127.0.0.1')
  const file = parse(SHIPPED) as KongFile
  Object.assign(pluginOf(file, 'rate-limiting'), PLENTY)
  change(file)
  const all = { ...services.ports, ...ports }
  const { close, ...gateway } = GATEWAY_URL
    ? await configureKong({ url: GATEWAY_URL, admin: GATEWAY_ADMIN_URL, upstream: GATEWAY_UPSTREAM_HOST }, file, all)
    : await startEmbedded(stringify(file), all)
  return {
    ...gateway,
    services,
    async [Symbol.asyncDispose]() {
      await close()
      await services.stop()
    },
  }
}

/** The settings of a plugin, to be changed. */
export function pluginOf({ plugins }: KongFile, name: string): Record<string, unknown> {
  const found = plugins.find((plugin) => plugin.name === name)
  if (!found) throw new Error(`kong.yml has no plugin ${name}`)
  return found.config
}

/** A change that gives every service other timeouts, in ms. */
export const timeouts = (changed: { connect_timeout?: number; read_timeout?: number }) => (file: KongFile) => {
  for (const service of file.services) Object.assign(service, changed)
}
