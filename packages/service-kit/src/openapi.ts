import { z } from 'zod'
import { isOptional, isRaw, isStreamed, type Route } from './route.ts'

type Json = Record<string, unknown>

const ErrorShape = {
  type: 'object',
  description: 'What went wrong. `error` is an object on OpenAI-shaped paths and the text on /v1/media.',
  properties: { error: {}, message: { type: 'string' }, request_id: { type: 'string' } },
  required: ['error', 'message', 'request_id'],
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'A name of your own for this request. Sent again within 24 hours, the same request gets the stored answer, marked ' +
    'with Idempotency-Replayed: true, and nothing is made twice. 409 while the first is under way, 422 with another request.',
  schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
}

/** OpenAPI 3.1 straight from the routes; schemas with `.meta({ id })` become components. */
export function openApiDocument(service: string, version: string, routes: Route[]): Json {
  const schemas: Json = { Error: ErrorShape }
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    const path = route.path.replace(/\+\}/g, '}')
    paths[path] = { ...paths[path], [route.method]: operationOf(route, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: { title: service, version },
    paths,
    components: { schemas, securitySchemes: SCHEMES },
  }
}

function operationOf(route: Route, schemas: Json): Json {
  const { body } = route
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    ...securityOf(route),
    ...parametersOf(route),
    ...(body ? { requestBody: requestBodyOf(body, schemas) } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, shape]) => [status, responseOf(shape, schemas)]),
      ),
      default: {
        description: 'Error',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

const SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'An access token, or an API key' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
}

/** What stands in a list is the scope that an API key needs; a token needs none. */
function securityOf({ auth, scope }: Route): Json {
  if (auth === 'none') return {}
  if (auth === 'service') return { security: [{ bearer: [] }] }
  const scopes = scope === undefined ? [] : [scope]
  return { security: [{ bearer: scopes }, { apiKey: scopes }] }
}

const requestBodyOf = (body: NonNullable<Route['body']>, schemas: Json): Json =>
  isStreamed(body)
    ? {
        required: true,
        content: {
          ...(body.json ? jsonContent(body.json, 'input', schemas) : {}),
          ...Object.fromEntries(body.types.map((type) => [type, {}])),
        },
      }
    : isRaw(body)
      ? { required: true, content: { '*/*': {} } }
      : { required: !isOptional(body), content: jsonContent(body, 'input', schemas) }

function responseOf(shape: Route['answers'][number], schemas: Json): Json {
  if (shape === null || shape === undefined) return { description: 'No content' }
  if ('content' in shape) return { description: shape.description, content: { [shape.content]: {} } }
  return { description: shape.description ?? 'OK', content: jsonContent(shape, 'output', schemas) }
}

function parametersOf(route: Route): Json {
  const of = (where: 'path' | 'query', schema: z.ZodType | undefined) => {
    if (!schema) return []
    const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
      properties?: Record<string, Json>
      required?: string[]
    }
    return Object.entries(properties).map(([name, property]) => ({
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      schema: property,
    }))
  }
  const parameters = [
    ...of('path', route.params),
    ...of('query', route.query),
    ...(route.idempotent ? [IDEMPOTENCY_KEY] : []),
  ]
  return parameters.length > 0 ? { parameters } : {}
}

const jsonContent = (schema: z.ZodType, io: 'input' | 'output', schemas: Json) => ({
  'application/json': { schema: schemaOf(schema, io, schemas) },
})

function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const { $schema: _dialect, $defs, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json
  const relocate = (node: unknown) =>
    JSON.parse(JSON.stringify(node).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json
  for (const [id, definition] of Object.entries(($defs ?? {}) as Json)) schemas[id] = relocate(definition)
  const id = schema.meta()?.id
  // A schema with a name may be one of its own definitions: then its root only leads there.
  if (!id || root.$ref) return relocate(root)
  schemas[id] = relocate(root)
  return { $ref: `#/components/schemas/${id}` }
}
