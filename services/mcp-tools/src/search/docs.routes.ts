import { relay } from '@jan/service-kit/answer'
import { notFound } from '@jan/service-kit/errors'
import { type Route, route, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'

/** Below the public address: where the pages are shown that an offline search found. */
export const DOCS_PAGES = '/v1/mcp/docs'

export const docsRoutes = (deps: Pick<Deps, 'search'>): Route[] => [
  route({
    operation: 'get_docs_page',
    method: 'get',
    path: `${DOCS_PAGES}/{page+}`,
    summary: 'A page of the documentation, as it is written',
    description: 'What an offline search found leads here.',
    auth: 'none',
    params: z.object({ page: z.string() }),
    answers: { 200: streamOf('text/plain', 'Markdown') },
    handler: async ({ params: { page } }) => {
      const text = await deps.search.docs.read(page)
      if (text === undefined) throw notFound('Page', page)
      return relay(Buffer.from(text), { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' } })
    },
  }),
]
