/**
 * Writes docs/reference/openapi.json, one document of all services as callers see them behind the gateway, from the
 * services' own openapi.json. Runs after `turbo run generate` has made these.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { SERVICE_NAMES } from '@jan/embedded/services'

type Json = Record<string, unknown>
type Operation = Json & { operationId: string; tags?: string[] }
export type ServiceDocument = {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Json; securitySchemes: Json }
}

/**
 * Every service's operations under its name as tag, without what only services call (`/internal/…`). A component that
 * another service has with other contents gets the service's name in front: `Page` of media-api → `MediaApiPage`.
 * @throws Error for an operation id or a path with its method that two services have
 */
export function mergeOpenApi(version: string, documents: ServiceDocument[]): Json {
  const shared = namesOfOneShape(documents)
  const renamed = documents.map((document) => prefixSchemas(document, shared))
  const paths: Record<string, Record<string, Operation>> = {}
  const operations = new Set<string>()
  for (const { info, paths: own } of renamed)
    for (const [path, methods] of Object.entries(own).filter(([name]) => !name.startsWith('/internal/')))
      for (const [method, operation] of Object.entries(methods)) {
        const { operationId } = operation
        if (operations.has(operationId)) throw new Error(`Two services have the operation ${operationId}`)
        if (paths[path]?.[method]) throw new Error(`Two services answer ${method.toUpperCase()} ${path}`)
        operations.add(operationId)
        paths[path] = { ...paths[path], [method]: { ...operation, tags: [info.title] } }
      }
  return {
    openapi: '3.1.0',
    info: { title: 'Jan Server', version, description: 'All services, at the address of the gateway.' },
    servers: [{ url: '/' }],
    tags: documents.map(({ info }) => ({ name: info.title })),
    paths,
    components: {
      schemas: Object.assign({}, ...renamed.map(({ components }) => components.schemas)),
      securitySchemes: Object.assign({}, ...renamed.map(({ components }) => components.securitySchemes)),
    },
  }
}

/**
 * Component names that mean the same wherever they are, so they may keep one entry. A shape that refers to one of
 * several meanings is not the same either, however alike the two are written.
 */
function namesOfOneShape(documents: ServiceDocument[]): Set<string> {
  const shapes = new Map<string, Set<string>>()
  for (const { components } of documents)
    for (const [name, shape] of Object.entries(components.schemas))
      shapes.set(name, (shapes.get(name) ?? new Set()).add(JSON.stringify(shape)))
  const owners = (name: string) => documents.filter(({ components }) => name in components.schemas).length
  const same = new Set([...shapes.keys()].filter((name) => shapes.get(name)?.size === 1))
  const refersToOther = (name: string) =>
    owners(name) > 1 && [...(shapes.get(name) ?? [])].some((text) => refsIn(text).some((ref) => !same.has(ref)))
  for (let before = -1; before !== same.size; ) {
    before = same.size
    for (const name of same) if (refersToOther(name)) same.delete(name)
  }
  return same
}

const REF = /"#\/components\/schemas\/([^"/]+)"/g
const refsIn = (text: string) => [...text.matchAll(REF)].map(([, name = '']) => name)

/** The document with the service's name in front of every component that is not shared, and in what refers to it. */
function prefixSchemas(document: ServiceDocument, shared: Set<string>): ServiceDocument {
  const prefix = document.info.title.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
  const named = (name: string) => (shared.has(name) ? name : `${prefix}${name}`)
  const text = JSON.stringify(document).replace(REF, (_, name: string) => `"#/components/schemas/${named(name)}"`)
  const { components, ...rest } = JSON.parse(text) as ServiceDocument
  const schemas = Object.entries(components.schemas).map(([name, shape]) => [named(name), shape])
  return { ...rest, components: { ...components, schemas: Object.fromEntries(schemas) } }
}

if (import.meta.main) {
  const root = new URL('../', import.meta.url)
  const read = (file: string) => JSON.parse(readFileSync(new URL(file, root), 'utf8'))
  const documents = SERVICE_NAMES.map((name) => read(`services/${name}/openapi.json`) as ServiceDocument)
  const merged = mergeOpenApi((read('package.json') as { version: string }).version, documents)
  writeFileSync(new URL('docs/reference/openapi.json', root), `${JSON.stringify(merged, null, 2)}\n`)
}
