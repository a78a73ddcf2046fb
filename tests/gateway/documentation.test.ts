import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { SERVICE_NAMES } from '@jan/embedded/services'
import { expect, test } from '@jest/globals'
import { mergeOpenApi, type ServiceDocument } from '../../scripts/merge-openapi.ts'
import { at } from '../platform.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (file: string) => JSON.parse(readFileSync(resolve(ROOT, file), 'utf8'))
type Merged = {
  paths: Record<string, Record<string, { operationId: string; tags: string[] }>>
  components: { schemas: Record<string, unknown> }
}

/** A document with one operation `<verb>_<what>` that answers with a `Page`. */
const documentOf = (title: string, path: string, operationId: string, schemas: object): ServiceDocument => ({
  openapi: '3.1.0',
  info: { title, version: '1' },
  paths: { [path]: { get: { operationId, schema: { $ref: '#/components/schemas/Page' } } } },
  components: { schemas: { ...schemas }, securitySchemes: { bearer: { type: 'http' }, apiKey: { name: 'X-API-Key' } } },
})
const merge = (...documents: ServiceDocument[]) => mergeOpenApi('1', documents) as Merged

test('the committed document holds every public operation of every service [I-070]', () => {
  const { paths, components } = read('docs/reference/openapi.json') as Merged
  const operations = Object.values(paths).flatMap((path) => Object.values(path))
  const own = SERVICE_NAMES.flatMap((name) => {
    const document = read(`services/${name}/openapi.json`) as ServiceDocument
    return Object.entries(document.paths)
      .filter(([path]) => !path.startsWith('/internal/'))
      .flatMap(([, methods]) => Object.values(methods).map(({ operationId }) => operationId))
  })
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(own.sort())
  const refs = [...JSON.stringify({ paths, components }).matchAll(/"#\/components\/schemas\/([^"]+)"/g)]
  expect(refs.map(([, name]) => name!).filter((name) => !(name in components.schemas))).toEqual([])
  expect(globSync('services/*/openapi.json', { cwd: ROOT }).length).toBeGreaterThanOrEqual(SERVICE_NAMES.length)
})

test('one name with one shape is one component; with two it carries its service in front [I-070]', () => {
  const page = (type: string) => ({ Page: { items: { $ref: '#/components/schemas/Item' } }, Item: { type } })
  const alike = merge(documentOf('a-api', '/a', 'list_as', page('x')), documentOf('b-api', '/b', 'list_bs', page('x')))
  expect(Object.keys(alike.components.schemas)).toEqual(['Page', 'Item'])
  // The two pages are written alike, but are pages of different items.
  const other = merge(documentOf('a-api', '/a', 'list_as', page('x')), documentOf('b-api', '/b', 'list_bs', page('y')))
  expect(other.components.schemas).toEqual({
    AApiPage: { items: { $ref: '#/components/schemas/AApiItem' } },
    AApiItem: { type: 'x' },
    BApiPage: { items: { $ref: '#/components/schemas/BApiItem' } },
    BApiItem: { type: 'y' },
  })
  expect(JSON.stringify(other.paths['/b'])).toContain('"#/components/schemas/BApiPage"')
})

test('two services with one operation or one path are refused, what is internal is left out [I-070]', () => {
  const one = documentOf('a-api', '/a', 'list_as', {})
  expect(() => merge(one, documentOf('b-api', '/b', 'list_as', {}))).toThrow('Two services have the operation list_as')
  expect(() => merge(one, documentOf('b-api', '/a', 'list_bs', {}))).toThrow('Two services answer GET /a')
  expect(Object.keys(merge(one, documentOf('b-api', '/internal/b', 'list_bs', {})).paths)).toEqual(['/a'])
})

test('it is shown at /v1/swagger/, also under the old prefix, and /docs leads there [P-032 I-070]', async () => {
  for (const path of ['/v1/swagger/', '/llm/v1/swagger/', '/docs']) {
    const page = await fetch(at('gateway', path))
    expect([path, page.status, page.headers.get('content-type')]).toEqual([path, 200, 'text/html; charset=utf-8'])
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    for (const [, asset] of (await page.text()).matchAll(/(?:src|href)="([^"]+)"/g))
      expect([asset, (await fetch(at('gateway', asset!))).status]).toEqual([asset, 200])
  }
  const { paths } = (await (await fetch(at('gateway', '/v1/swagger/openapi.json'))).json()) as Merged
  expect(paths).toEqual((read('docs/reference/openapi.json') as Merged).paths)
})

test('/mcp/healthz is answered by mcp-tools itself [I-069]', async () => {
  const answer = await fetch(at('gateway', '/mcp/healthz'))
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok', service: 'mcp-tools' }])
})
