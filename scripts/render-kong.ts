/**
 * Renders kong/kong.yml for one environment. Kong takes no variables for limits and origins, so they are written into
 * the file: `node scripts/render-kong.ts --minute=1200 --origin=https://chat.example.org > kong.yml`.
 * What is not given stays as the file has it. Prints the file; one line and exit 1 for what Kong would refuse.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseKongFile } from '@jan/embedded/gateway/kong-file'
import { type Document, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'

export type KongEnvironment = {
  /** Requests per address. */
  perMinute?: number | undefined
  perHour?: number | undefined
  /** Largest body, in MiB. */
  bodyMegabytes?: number | undefined
  /** Scheme, host and port of every page that may call: `https://chat.example.org`. At least one. */
  origins?: string[] | undefined
  /** Where several Kongs count together (`policy: redis`). `passwordFrom` names a variable of Kong's environment. */
  redis?: { host: string; port?: number | undefined; passwordFrom?: string | undefined } | undefined
}

/** The file for an environment, its comments kept. @throws Error that lists everything the gateway would refuse */
export function renderKong(shipped: string, environment: KongEnvironment): string {
  const { perMinute, perHour, bodyMegabytes, origins, redis } = environment
  const file = parseDocument(shipped)
  const set = (plugin: string, settings: Record<string, unknown>) => {
    const config = configOf(file, plugin)
    for (const [name, value] of Object.entries(settings))
      if (value !== undefined) config.set(name, file.createNode(value))
  }
  set('rate-limiting', { minute: perMinute, hour: perHour ?? hourFor(file, perMinute) })
  set('request-size-limiting', { allowed_payload_size: bodyMegabytes })
  // Kong sends a single origin to every caller, whatever its own; of two, though alike, it compares each.
  set('cors', { origins: origins?.length === 1 ? [...origins, ...origins] : origins })
  if (redis) set('rate-limiting', { policy: 'redis', redis: redisSettings(redis) })
  const rendered = file.toString({ lineWidth: 0, flowCollectionPadding: false })
  parseKongFile(rendered)
  return rendered
}

function configOf(file: Document, plugin: string): YAMLMap {
  const plugins = file.get('plugins') as YAMLSeq<YAMLMap>
  const found = plugins.items.find((item) => item.get('name') === plugin)
  if (!found) throw new Error(`The file has no plugin ${plugin}`)
  return found.get('config') as YAMLMap
}

/** Kong refuses an hour below the minute; a raised minute raises the hour as the shipped file has them. */
function hourFor(file: Document, perMinute: number | undefined): number | undefined {
  if (perMinute === undefined) return undefined
  const config = configOf(file, 'rate-limiting')
  return Math.ceil((perMinute * Number(config.get('hour'))) / Number(config.get('minute')))
}

/** A limiter that waits long for its Redis would make every request wait. */
const redisSettings = ({ host, port = 6379, passwordFrom }: NonNullable<KongEnvironment['redis']>) => ({
  host,
  port,
  timeout: 500,
  ...(passwordFrom ? { password: `{vault://env/${passwordFrom.toLowerCase().replaceAll('_', '-')}}` } : {}),
})

function fromArguments(args: string[]): KongEnvironment {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      minute: text,
      hour: text,
      'body-megabytes': text,
      origin: { type: 'string', multiple: true },
      'redis-host': text,
      'redis-port': text,
      'redis-password-from': text,
    },
  })
  const whole = (name: 'minute' | 'hour' | 'body-megabytes' | 'redis-port') => {
    const value = values[name]
    if (value !== undefined && !/^[1-9]\d{0,8}$/.test(value))
      throw new Error(`--${name} must be a whole number above 0`)
    return value === undefined ? undefined : Number(value)
  }
  const host = values['redis-host']
  const redis = { port: whole('redis-port'), passwordFrom: values['redis-password-from'] }
  if (!host && (redis.port || redis.passwordFrom)) throw new Error('--redis-host is missing')
  return {
    perMinute: whole('minute'),
    perHour: whole('hour'),
    bodyMegabytes: whole('body-megabytes'),
    origins: values.origin,
    redis: host ? { host, ...redis } : undefined,
  }
}

if (import.meta.main) {
  try {
    const shipped = readFileSync(new URL('../kong/kong.yml', import.meta.url), 'utf8')
    process.stdout.write(renderKong(shipped, fromArguments(process.argv.slice(2))))
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
