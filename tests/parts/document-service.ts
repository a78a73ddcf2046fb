import { json } from 'node:stream/consumers'
import { serve } from '@jan/testkit/serve'
import { startMcpTools } from './mcp-tools.ts'

export type Found = { ranking: string; hits: { id: string; score: number }[] }

export type DocumentService = AsyncDisposable & {
  index(id: string, text: string): Promise<void>
  /** Best first, 20 at most. */
  query(text: string): Promise<Found>
}

type Answer = { ranking: string; results: { document_id: string; score: number }[] }

/** A real mcp-tools process over this database, and a model to which a text means the number in it: 41 is nearest to 42. */
export async function startDocumentService(databaseUrl: string): Promise<DocumentService> {
  const model = await serve((request, response) => {
    void json(request).then((body) => {
      const { input } = body as { input: string[] }
      const data = input.map((text, index) => ({ index, embedding: directionOf(text) }))
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }))
    })
  })
  const service = await startMcpTools(databaseUrl, { LLM_API_URL: model.url, MCP_EMBEDDING_MODEL: 'numbers-1' })
  const call = async (name: string, args: object) => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${service.url}/v1/mcp`, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await response.text()
    const { isError, structuredContent } = JSON.parse(text).result ?? { isError: true }
    if (isError) throw new Error(`${name}: ${text}`)
    return structuredContent
  }
  return {
    index: async (document_id, text) => void (await call('file_search_index', { document_id, text })),
    query: async (query) => {
      const { ranking, results } = (await call('file_search_query', { query, top_k: 20 })) as Answer
      return { ranking, hits: results.map(({ document_id: id, score }) => ({ id, score })) }
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]()
      await model.close()
    },
  }
}

/** Of the first number of a text, in degrees. */
function directionOf(text: string): number[] {
  const angle = (Number(/\d+/.exec(text)) * Math.PI) / 180
  return [Math.cos(angle), Math.sin(angle)]
}
