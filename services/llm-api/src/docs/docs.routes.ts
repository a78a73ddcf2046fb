import { redirect, relay } from '@jan/service-kit/answer'
import { AppError } from '@jan/service-kit/errors'
import { type Route, route, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import { DOCS_PAGE, DOCS_PATH, DOCS_POLICY } from './docs-page.ts'
import { type DocsFile, readDocsFile } from './read-docs-file.ts'

/** The documentation of all services, for browsers: open to anyone, as the services' own openapi.json are. */
export const docsRoutes = (): Route[] => [
  route({
    operation: 'show_api_docs',
    method: 'get',
    path: DOCS_PATH,
    summary: 'Read and try the API in a browser',
    description: 'Swagger UI with the operations of all services. It loads nothing from elsewhere.',
    auth: 'none',
    answers: { 200: streamOf('text/html', 'The page') },
    handler: () => show({ type: 'text/html; charset=utf-8', body: Buffer.from(DOCS_PAGE) }),
  }),
  route({
    operation: 'get_api_docs_file',
    method: 'get',
    path: `${DOCS_PATH}/{file}`,
    summary: 'What the page of the documentation is made of',
    description: '`openapi.json` is the OpenAPI document of all services.',
    auth: 'none',
    params: z.object({ file: z.string() }),
    answers: { 200: streamOf('*/*', 'The file') },
    handler: async ({ params }) => {
      const file = await readDocsFile(params.file)
      if (!file) throw new AppError('not_found', `There is no ${params.file} here`)
      return show(file)
    },
  }),
  route({
    operation: 'find_api_docs',
    method: 'get',
    path: '/docs',
    summary: 'Go to the documentation',
    auth: 'none',
    answers: { 302: null },
    handler: () => redirect(`${DOCS_PATH}/`),
  }),
]

const show = ({ type, body }: DocsFile) =>
  relay(body, {
    status: 200,
    headers: {
      'content-type': type,
      'content-security-policy': DOCS_POLICY,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    },
  })
