import { json as jsonOf } from 'node:stream/consumers'
import { serve } from '@jan/testkit/serve'

type Asked = {
  document_id?: string
  text?: string
  top_k?: number
  document_ids?: string[]
  tags?: string[]
  metadata?: unknown
}
type File = { owner: string; mime: string; filename: string; text: string }

/** Whom an internal token speaks for. */
export function ownerOf(authorization = ''): string {
  const [, payload = ''] = authorization.split('.')
  return /"ada"/.test(Buffer.from(payload, 'base64url').toString()) ? 'ada' : 'somebody else'
}

/** media-api, as far as texts of files are read: a picture has none, and nobody reads another's. */
export async function fakeMediaApi(files: Record<string, File>) {
  return serve((request, response) => {
    const [, id = '', what] = /^\/v1\/media\/([^/]+)\/(text|metadata)$/.exec(request.url ?? '') ?? []
    const file = files[id]
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (!file || file.owner !== ownerOf(request.headers.authorization))
      return send(404, { message: `Media '${id}' was not found` })
    if (what === 'metadata') return send(200, { id, filename: file.filename })
    if (file.mime.startsWith('image/')) return send(415, { message: `There is no text in ${file.mime}` })
    return send(200, { id, mime: file.mime, text: file.text, truncated: false })
  })
}

/** Words of one meaning have one direction: that is all this model knows. */
const MEANINGS = [
  ['cat', 'feline', 'kitten'],
  ['car', 'automobile', 'vehicle'],
  ['sea', 'ocean', 'harbour'],
]

/** llm-api, as far as it embeds; `broken` makes it refuse. */
export async function fakeEmbeddings() {
  const state = { broken: false, asked: [] as { model: string; input: string[]; owner: string }[] }
  const served = await serve((request, response) => {
    void answer().then(({ status, body }) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    )
    async function answer() {
      if (request.url !== '/v1/embeddings') return { status: 404, body: {} }
      const { model, input } = (await jsonOf(request)) as { model: string; input: string[] }
      state.asked.push({ model, input, owner: ownerOf(request.headers.authorization) })
      if (state.broken) return { status: 503, body: { message: 'The model is being loaded' } }
      const data = input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) }))
      return { status: 200, body: { object: 'list', model, data } }
    }
  })
  return { ...served, state }
}

const vectorOf = (text: string) => [
  0.01,
  ...MEANINGS.map((words) => words.filter((word) => text.toLowerCase().includes(word)).length),
]

/** The service of the contract's §5: one namespace, words of ASCII, twenty results at most. */
export async function fakeSearchService() {
  const documents = new Map<string, { text: string; tags: string[]; metadata: unknown }>()
  const served = await serve((request, response) => {
    void answer().then(({ status, body }) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    )
    async function answer() {
      const body = (await jsonOf(request)) as Asked
      return request.url === '/documents' ? index(body) : query(body)
    }
  })
  function index({ document_id, text, tags = [], metadata }: Asked) {
    if (!document_id || !text) return { status: 400, body: { error: 'document_id and text are required' } }
    documents.set(document_id, { text, tags, metadata })
    const token_count = new Set(words(text)).size
    return { status: 201, body: { status: 'indexed', document_id, token_count, indexed_at: new Date().toISOString() } }
  }
  function query({ text = '', top_k, document_ids }: Asked) {
    const asked = new Set(words(text))
    const results = [...documents]
      .filter(([id]) => !document_ids || document_ids.includes(id))
      .map(([document_id, { text: of, tags, metadata }]) => {
        const found = words(of).filter((word) => asked.has(word)).length
        return { document_id, score: found / (words(of).length || 1), text_preview: of.slice(0, 240), tags, metadata }
      })
      .filter(({ score }) => score > 0)
      .sort((one, other) => other.score - one.score)
      .slice(0, Math.min(Number(top_k) > 0 ? Number(top_k) : 5, 20))
    return { status: 200, body: { query: text, top_k, count: results.length, results } }
  }
  return { ...served, documents }
}

const words = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]{2,}/g) ?? []
