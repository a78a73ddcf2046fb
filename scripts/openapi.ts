/** Writes the OpenAPI document of the service in whose folder it runs. Routes are values, so nothing has to be connected. */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { openApiDocument } from '@jan/service-kit/openapi'
import type { Route } from '@jan/service-kit/route'

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string; version: string }
const { routes } = (await import(resolve('src/app.ts'))) as { routes: (deps: never) => Route[] }
const document = openApiDocument(name.replace('@jan/', ''), version, routes({} as never))
writeFileSync('openapi.json', `${JSON.stringify(document, null, 2)}\n`)
