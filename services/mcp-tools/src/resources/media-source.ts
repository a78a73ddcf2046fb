import { buffer } from 'node:stream/consumers'
import { AppError } from '@jan/service-kit/errors'
import { type Peer, peerError } from '@jan/service-kit/http-client'
import type { ReadResourceResult, Resource } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Reader, ResourceSource } from './resource-source.ts'

const PREFIX = 'jan://media/'
const PAGE = 50
/** What is sent in one JSON message, in base64. */
const MAX_BYTES = 5 << 20
const ID = /^jan_[A-Za-z0-9]{1,64}$/

const Media = z.object({
  id: z.string(),
  mime: z.string(),
  bytes: z.number(),
  filename: z.string(),
  created_at: z.string(),
})
const Page = z.object({ data: z.array(Media), last_id: z.string().nullable(), has_more: z.boolean() })
const Text = z.object({ text: z.string(), truncated: z.boolean() })
type Media = z.output<typeof Media>

/** What the reader stored with media-api. Documents are read as their text, pictures and sounds as bytes. */
export const createMediaSource = (mediaApi: Peer): ResourceSource => ({
  prefix: PREFIX,
  templates: [
    { uriTemplate: `${PREFIX}{id}`, name: 'media', title: 'A stored object', description: 'By its id, jan_…' },
  ],
  async list(reader, cursor) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor === undefined ? {} : { after: cursor }) })
    const page = Page.parse(await get(mediaApi, reader, `?${query}`))
    const resources = page.data.map(presentResource)
    return { resources, ...(page.has_more && page.last_id !== null ? { nextCursor: page.last_id } : {}) }
  },
  async read(reader, uri) {
    const id = uri.slice(PREFIX.length)
    if (!ID.test(id)) return undefined
    const media = Media.parse(await get(mediaApi, reader, `/${id}/metadata`))
    return [(await textOf(mediaApi, reader, uri, media)) ?? (await blobOf(mediaApi, reader, uri, media))]
  },
})

const presentResource = ({ id, mime, bytes, filename, created_at }: Media): Resource => ({
  uri: PREFIX + id,
  name: filename,
  mimeType: mime,
  size: bytes,
  annotations: { lastModified: created_at },
})

const get = (mediaApi: Peer, { caller, requestId, signal }: Reader, path: string): Promise<unknown> =>
  mediaApi.json({ method: 'GET', path: `/v1/media${path}`, caller, requestId, signal })

type Content = ReadResourceResult['contents'][number]

/** Undefined for what has no text. */
async function textOf(mediaApi: Peer, reader: Reader, uri: string, { id, mime }: Media): Promise<Content | undefined> {
  if (/^(image(?!\/svg)|audio|video)\//.test(mime)) return undefined
  try {
    const { text, truncated } = Text.parse(await get(mediaApi, reader, `/${id}/text`))
    return {
      uri,
      mimeType: /^text\/|json$|svg\+xml$/.test(mime) ? mime : 'text/plain',
      text,
      ...(truncated ? { _meta: { 'jan/truncated': true } } : {}),
    }
  } catch (error) {
    if (error instanceof AppError && (error.code === 'invalid_request' || error.code === 'unsupported_media_type'))
      return undefined
    throw error
  }
}

async function blobOf(mediaApi: Peer, reader: Reader, uri: string, { id, mime, bytes }: Media): Promise<Content> {
  if (bytes > MAX_BYTES)
    throw new AppError(
      'payload_too_large',
      `${uri} has more than ${MAX_BYTES >> 20} MiB; download it from /v1/media/${id}`,
    )
  const { caller, requestId, signal } = reader
  const answer = await mediaApi.send({ method: 'GET', path: `/v1/media/${id}`, caller, requestId, signal })
  if (answer.status !== 200) throw peerError('media-api', answer, await answer.text())
  // Where downloads are not proxied, the answer says where the bytes are.
  if (answer.headers['content-type']?.startsWith('application/json')) {
    const { url } = z.object({ url: z.string() }).parse(JSON.parse(await answer.text()))
    return { uri, mimeType: 'text/uri-list', text: url }
  }
  return { uri, mimeType: mime, blob: (await buffer(answer.body)).toString('base64') }
}
