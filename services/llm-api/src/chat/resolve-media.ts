import { MEDIA_PLACEHOLDER, MediaId, type ResolveMediaAnswer } from '@jan/contracts/media'
import { AppError, invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { ChatMessage } from './chat.schema.ts'

type Part = Record<string, unknown>

/** Of all images of a request as data URLs, each as often as it is named. */
const MOST_IMAGE_BYTES = 64 * 1024 * 1024

/**
 * Puts the image itself in place of each media id, for a provider cannot fetch from us. All ids of a request in one call;
 * without ids no call. Text is never searched.
 */
export function resolveMedia(
  deps: Pick<Deps, 'media'>,
  who: Who,
  messages: ChatMessage[],
): ChatMessage[] | Promise<ChatMessage[]> {
  const uses = new Map<string, number>()
  eachPart(messages, (part, param) => {
    requireNoFile(part, param)
    const id = mediaIdOf(imageUrlOf(part))
    if (id === undefined) return
    if (!MediaId.safeParse(id).success) throw unknownMedia(id, param)
    uses.set(id, (uses.get(id) ?? 0) + 1)
  })
  return uses.size === 0 ? messages : putImages(deps, who, messages, uses)
}

async function putImages(
  deps: Pick<Deps, 'media'>,
  who: Who,
  messages: ChatMessage[],
  uses: Map<string, number>,
): Promise<ChatMessage[]> {
  const urls = await fetchDataUrls(deps, who, [...uses.keys()])
  requireBearable(urls, uses)
  return messages.map((message, index) =>
    Array.isArray(message.content)
      ? { ...message, content: message.content.map((part, at) => withImage(part, urls, paramOf(index, at))) }
      : message,
  )
}

async function fetchDataUrls(deps: Pick<Deps, 'media'>, who: Who, ids: string[]): Promise<Map<string, string>> {
  const { media = [] } = await deps.media.json<ResolveMediaAnswer>({
    method: 'POST',
    path: '/v1/media/resolve',
    caller: who.caller,
    requestId: who.requestId,
    signal: who.signal,
    json: { ids, as: 'data_url' },
  })
  return new Map(media.flatMap(({ id, data_url: url }) => (url === undefined ? [] : [[id, url]])))
}

/** An id is short, the image in its place is not: a small request must not become an enormous one. */
function requireBearable(urls: Map<string, string>, uses: Map<string, number>): void {
  const total = [...uses].reduce((sum, [id, times]) => sum + (urls.get(id)?.length ?? 0) * times, 0)
  if (total > MOST_IMAGE_BYTES)
    throw new AppError('payload_too_large', `The images of this request are larger than ${MOST_IMAGE_BYTES} bytes`, {
      param: 'messages',
    })
}

function withImage(part: unknown, urls: Map<string, string>, param: string): unknown {
  const id = mediaIdOf(imageUrlOf(part))
  if (id === undefined) return part
  const url = urls.get(id)
  if (url === undefined) throw unknownMedia(id, param)
  const { image_url: image, ...rest } = part as Part
  return { ...rest, image_url: typeof image === 'string' ? url : { ...(image as object), url } }
}

/** `image_url` is an object with a `url`, or, from some clients, the URL itself. */
function imageUrlOf(part: unknown): unknown {
  if (!isObject(part) || part.type !== 'image_url') return undefined
  return isObject(part.image_url) ? part.image_url.url : part.image_url
}

/** A bare id or the one in a placeholder. What only looks like an id is one too: it could not be a URL. */
function mediaIdOf(url: unknown): string | undefined {
  if (typeof url !== 'string') return undefined
  return MEDIA_PLACEHOLDER.exec(url)?.[1] ?? /^(?:data:[^,;]*;)?(jan_[^,;]*)$/.exec(url)?.[1]
}

function requireNoFile(part: Part, param: string): void {
  const ids = [part.file_id, isObject(part.file) ? part.file.file_id : undefined]
  if (ids.some((id) => typeof id === 'string' && id.startsWith('jan_')))
    throw invalid('Files by their media id are not offered in chat yet; send images as image_url', param)
}

const unknownMedia = (id: string, param: string) => new AppError('not_found', `Media '${id}' was not found`, { param })

function eachPart(messages: ChatMessage[], visit: (part: Part, param: string) => void): void {
  messages.forEach(({ content }, index) => {
    if (!Array.isArray(content)) return
    content.forEach((part: unknown, at) => {
      if (isObject(part)) visit(part, paramOf(index, at))
    })
  })
}

const paramOf = (message: number, part: number) => `messages.${message}.content.${part}`

const isObject = (value: unknown): value is Part => typeof value === 'object' && value !== null && !Array.isArray(value)
