import { type Candidate, matchRoute } from '@jan/embedded/gateway/routing'
import { databaseVariableOf, subjectOf } from '@jan/embedded/services'

/** The names that are in use. */
export type House = {
  /** Folders below services/. */
  services: string[]
  /** Packages of all workspaces. */
  packages: string[]
  /** Who listens where on the platform. */
  ports: Record<string, number>
  routes: Candidate[]
  /** Every path that a service documents. */
  paths: string[]
}

/** Longer names would not fit into names that are made of them: databases of tests, MCP tools. */
const LONGEST = 40

const words = (text: string) => new Set(text.trim().split(/\s+/))

/** What `/v1/<word>` means or will mean at our own services, and to clients of OpenAI. */
const RESERVED_PATHS = words(`
  admin api-keys assistants audio auth batches chat completions containers conversations embeddings evals fine-tuning
  guest guests health healthz images invites keys me metrics models moderations openapi organization projects prompts
  providers readyz realtime sessions skills swagger teams threads tools uploads usage users vector-stores version
  videos workspaces`)

/** Hosts beside the services, databases of PostgreSQL, prefixes of others' variables, what objects have, what says nothing. */
const RESERVED_NAMES = words(`
  api collector constructor grafana jaeger jan keycloak kong localhost minio node npm otel otel-collector prometheus
  sandboxfusion searxng service services template0 template1 v1 vector-store vllm`)

/** Why a service cannot be called so, in one line; undefined when it can. */
export function problemOf(name: string, house: House): string | undefined {
  return shapeProblem(name) ?? takenProblem(name, house) ?? pathProblem(name, house)
}

function shapeProblem(name: string): string | undefined {
  if (name === '') return 'Say which: make new-service NAME=billing-api'
  if (name.length > LONGEST) return `NAME has ${name.length} characters; a service's name has at most ${LONGEST}`
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) return undefined
  return `NAME=${JSON.stringify(name)} cannot be a service's name: lower-case words, joined by single dashes, such as billing-api`
}

function takenProblem(name: string, house: House): string | undefined {
  if (house.services.some((other) => other.toLowerCase() === name)) return `services/${name} is there already`
  if (house.packages.includes(`@jan/${name}`)) return `The package @jan/${name} is there already`
  if (Object.hasOwn(house.ports, name)) return `The platform has a part called ${name} already`
  if (RESERVED_NAMES.has(name)) return `The name ${name} is reserved`
  const variable = databaseVariableOf(name)
  const other = house.services.find((service) => databaseVariableOf(service) === variable)
  return other && `${variable} is the variable of ${other} already`
}

function pathProblem(name: string, { routes, paths }: House): string | undefined {
  const subject = subjectOf(name)
  const path = `/v1/${subject}`
  if (RESERVED_PATHS.has(subject)) return `The path ${path}, which ${name} would have, is reserved`
  const hostOf = (each: string) => matchRoute(routes, each)?.service.host
  // One service takes what of /v1 no other claims: it does not stand in the way, unless it answers there.
  const rest = hostOf('/v1')
  if (hostOf(path) !== rest) return `The gateway sends ${path}, which ${name} would have, to ${hostOf(path)} already`
  const taken = paths.find((each) => each === path || each.startsWith(`${path}/`))
  return taken && `${taken} is there already, and ${name} would have ${path}`
}
