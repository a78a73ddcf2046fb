import { AppError } from '@jan/service-kit/errors'
import { isJsonObject } from '@jan/service-kit/json-body'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { OfferedModel } from '../models/offered-model.ts'
import type { ChatMessage } from './chat.schema.ts'
import { type FetchedMedia, fetchMedia } from './fetch-media.ts'
import { type MediaUse, mediaUses, type Part, useOf } from './media-uses.ts'

/** Of all media of a request, each as often as it is named. */
const MOST_BYTES = 64 * 1024 * 1024

export type MediaContext = {
  model: OfferedModel
  /** What was said before. What it names may be gone since: that ends no conversation. */
  history: ChatMessage[]
}

/**
 * Puts the thing itself in the place of each media id, in the form that every place of the model can take: the bytes,
 * a URL where all of them reach us, the text of a document for those that take no files. Without ids nothing is asked.
 * @throws AppError `not_found` naming what is unknown, or not the caller's; `unsupported_media_type` for a file that is neither taken nor text
 */
export function resolveMedia(
  deps: Pick<Deps, 'media' | 'mediaAsUrls'>,
  who: Who,
  messages: ChatMessage[],
  { model, history }: MediaContext,
): ChatMessage[] | Promise<ChatMessage[]> {
  const uses = mediaUses(messages)
  return uses.size === 0 ? messages : putMedia(deps, who, { messages, uses, model, history })
}

type Work = MediaContext & { messages: ChatMessage[]; uses: Map<string, MediaUse[]> }

async function putMedia(deps: Pick<Deps, 'media' | 'mediaAsUrls'>, who: Who, work: Work): Promise<ChatMessage[]> {
  const before = mediaUses(work.history)
  const { model, uses } = work
  const found = await fetchMedia(deps, who, {
    uses,
    mayBeGone: new Set([...before].filter(([id, all]) => all.length === uses.get(id)?.length).map(([id]) => id)),
    asUrls: deps.mediaAsUrls && model.deployments.every(({ reachesUs }) => reachesUs),
    takesFiles: model.deployments.every(({ takesFiles }) => takesFiles),
  })
  requireBearable(found, uses)
  return work.messages.map((message) =>
    Array.isArray(message.content)
      ? { ...message, content: message.content.map((part: unknown) => withMedia(part, found)) }
      : message,
  )
}

/** An id is short, the thing in its place is not: a small request must not become an enormous one. */
function requireBearable(found: Map<string, FetchedMedia>, uses: Map<string, MediaUse[]>): void {
  const total = [...uses].reduce((sum, [id, { length }]) => sum + sizeOf(found.get(id)) * length, 0)
  if (total > MOST_BYTES)
    throw new AppError('payload_too_large', `The media of this request are larger than ${MOST_BYTES} bytes`, {
      param: 'messages',
    })
}

const sizeOf = (media: FetchedMedia | undefined) => (media?.url ?? media?.text ?? '').length

function withMedia(part: unknown, found: Map<string, FetchedMedia>): unknown {
  const use = useOf(part)
  if (!use) return part
  const media = found.get(use.id)
  if (!media)
    return { type: 'text', text: `(${use.kind === 'image' ? 'an' : 'a'} ${use.kind} that is not there any more)` }
  const { filename, url = '', text } = media
  if (text !== undefined) return { type: 'text', text: `${filename}:\n${text}` }
  if (use.kind === 'audio') return withAudio(part as Part, url)
  if (use.kind === 'image') return withImage(part as Part, url)
  // A picture that was sent as a file.
  if (media.mime.startsWith('image/')) return { type: 'image_url', image_url: { url } }
  return { type: 'file', file: { filename, file_data: url } }
}

function withImage({ image_url: image, ...rest }: Part, url: string): Part {
  return { ...rest, image_url: typeof image === 'string' ? url : { ...(image as object), url } }
}

const withAudio = (part: Part, url: string): Part => ({
  ...part,
  input_audio: { ...(isJsonObject(part.input_audio) ? part.input_audio : {}), data: url.slice(url.indexOf(',') + 1) },
})
