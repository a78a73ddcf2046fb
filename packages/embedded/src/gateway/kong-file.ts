import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type SchemaObject } from 'ajv'
import { parse } from 'yaml'
import { type Candidate, compileRoutes } from './routing.ts'

/** `kong/kong.yml` once checked. Times are milliseconds. opentelemetry and prometheus are Kong's own business. */
export type KongConfig = { services: KongService[]; plugins: Partial<KongPlugins> }
export type KongService = { name: string; host: string; port: number; path?: string; routes: KongRoute[] } & Timeouts
export type KongRoute = { name: string; paths: string[]; regex_priority?: number; strip_path?: boolean }
export type KongPlugins = {
  'correlation-id': { header_name: string; echo_downstream: boolean }
  cors: Record<'origins' | 'methods' | 'headers' | 'exposed_headers', string[]> & {
    credentials: boolean
    max_age: number
  }
  'request-size-limiting': { allowed_payload_size: number; size_unit: 'bytes' | 'kilobytes' | 'megabytes' }
  'rate-limiting': { minute: number; hour: number; hide_client_headers: boolean }
  'request-transformer': { remove: { headers: string[] } }
  'response-transformer': { remove: { headers: string[] }; add: { headers: string[] } }
}
type Timeouts = Record<'connect_timeout' | 'read_timeout' | 'write_timeout', number>
type KongFile = { services: KongService[]; plugins: { name: string; config: object }[] }

const folder = new URL('../../../../kong/', import.meta.url)
const schema = JSON.parse(readFileSync(new URL('kong.schema.json', folder), 'utf8')) as SchemaObject
// verbose: an error carries the schema it broke, whose description is the message people read.
const fits = new Ajv({ allErrors: true, verbose: true, discriminator: true }).compile<KongFile>(schema)

/** Reads and checks the declarative file. Throws one error that lists every problem. */
export const loadKongFile = (file: URL | string = new URL('kong.yml', folder)): KongConfig =>
  parseKongFile(readFileSync(file, 'utf8'))

/** The same for a text at hand. */
export function parseKongFile(yaml: string): KongConfig {
  const file: unknown = parse(yaml)
  const problems = fits(file) ? contradictions(file) : (fits.errors ?? []).map(explain)
  if (problems.length > 0) throw new Error(`kong.yml cannot be served:\n- ${problems.join('\n- ')}`)
  return toConfig(file as KongFile)
}

const toConfig = ({ services, plugins }: KongFile): KongConfig => ({
  services,
  plugins: Object.fromEntries(plugins.map(({ name, config }) => [name, config])),
})

function explain({ instancePath, message, params, parentSchema }: ErrorObject): string {
  const field = params.additionalProperty ?? params.missingProperty ?? params.tagValue
  const what = field ? `${message} (${field})` : message
  return [instancePath || '/', what, parentSchema?.description].filter(Boolean).join(': ')
}

/** What Kong checks beyond shapes, and one thing it does not: which of two overlapping expressions wins. */
function contradictions(file: KongFile): string[] {
  const names = [
    ...file.services.map(({ name }) => `service ${name}`),
    ...file.services.flatMap(({ routes }) => routes.map(({ name }) => `route ${name}`)),
    ...file.plugins.map(({ name }) => `plugin ${name}`),
  ]
  const routes = compileRoutes(file.services)
  const ties = routes.flatMap((one) => routes.filter((other) => meet(one, other)).map((other) => [one, other]))
  const { minute = 0, hour = 0 } = toConfig(file).plugins['rate-limiting'] ?? {}
  return [
    ...names.filter((name, index) => names.indexOf(name) < index).map((name) => `${name} appears twice`),
    ...ties.map((tie) => `${tie.map(({ path }) => path).join(' meets ')}: their regex_priority must differ`),
    ...(hour < minute ? ['rate-limiting: hour must not be below minute'] : []),
  ]
}

/** Whether two routes of one rank can match one path: Kong's choice between them would be nobody's intention. */
const meet = (one: Candidate, other: Candidate) =>
  one.route !== other.route && one.rank === other.rank && shortest(one.path).some((path) => other.pattern.test(path))

/** The shortest paths that an expression of the allowed shape matches: `~/v1/(?:a|b)(?:/|$)` → `/v1/a`, `/v1/b`. */
const shortest = (path: string) =>
  path
    .replace(/^~?\/|(?:\(\?:\/\|\$\)|\$)$/g, '')
    .replaceAll('\\.', '.')
    .split('/')
    .map((segment) => segment.replace(/^\(\?:(.*)\)$/, '$1').split('|'))
    .reduce((heads, names) => heads.flatMap((head) => names.map((name) => `${head}/${name}`)), [''])
