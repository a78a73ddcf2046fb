import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { DOCS_START } from './docs-page.ts'

export type DocsFile = { type: string; body: Uint8Array }

/** The document of all services, made by scripts/merge-openapi.ts; images hold it at the same place. */
const DOCUMENT = new URL('../../../../docs/reference/openapi.json', import.meta.url)
const { resolve } = createRequire(import.meta.url)
const ofSwagger = (name: string) => () => readFile(resolve(`swagger-ui-dist/${name}`))

const FILES: Record<string, { type: string; read: () => Promise<Uint8Array> }> = {
  'openapi.json': { type: 'application/json; charset=utf-8', read: () => readFile(DOCUMENT) },
  'start.js': { type: 'text/javascript; charset=utf-8', read: async () => Buffer.from(DOCS_START) },
  'swagger-ui-bundle.js': { type: 'text/javascript; charset=utf-8', read: ofSwagger('swagger-ui-bundle.js') },
  'swagger-ui.css': { type: 'text/css; charset=utf-8', read: ofSwagger('swagger-ui.css') },
  'favicon-32x32.png': { type: 'image/png', read: ofSwagger('favicon-32x32.png') },
}

/** What the page of the documentation asks for; `undefined` for anything else. Read at each request: few come. */
export async function readDocsFile(name: string): Promise<DocsFile | undefined> {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  return file && { type: file.type, body: await file.read() }
}
