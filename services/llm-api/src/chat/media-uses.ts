import { MEDIA_PLACEHOLDER, MediaId } from '@jan/contracts/media'
import { AppError } from '@jan/service-kit/errors'
import { isJsonObject } from '@jan/service-kit/json-body'
import type { ChatMessage } from './chat.schema.ts'

export type Part = Record<string, unknown>

/** A part of a message that names an object of media-api. */
export type MediaUse = { kind: 'image' | 'file' | 'audio'; id: string }

/** Where in the request something stands, as errors name it. */
export const paramOf = (message: number, part: number) => `messages.${message}.content.${part}`

/** Ids that messages name, each with its uses. Text is never searched. @throws AppError `not_found` for what only looks like an id */
export function mediaUses(messages: ChatMessage[]): Map<string, MediaUse[]> {
  const uses = new Map<string, MediaUse[]>()
  messages.forEach(({ content }, index) => {
    if (!Array.isArray(content)) return
    content.forEach((part: unknown, at) => {
      const use = useOf(part)
      if (!use) return
      if (!MediaId.safeParse(use.id).success) throw unknownMedia(use.id, paramOf(index, at))
      uses.set(use.id, [...(uses.get(use.id) ?? []), use])
    })
  })
  return uses
}

/**
 * `image_url` with an id or a placeholder (an object with a `url`, or, from some clients, the URL itself); OpenAI's
 * `file` and `input_file` with a `file_id`; `input_audio` with an id in the place of its data.
 */
export function useOf(part: unknown): MediaUse | undefined {
  if (!isJsonObject(part)) return undefined
  if (part.type === 'image_url') return use('image', isJsonObject(part.image_url) ? part.image_url.url : part.image_url)
  if (part.type === 'input_file') return use('file', part.file_id)
  if (part.type === 'file') return use('file', isJsonObject(part.file) ? part.file.file_id : undefined)
  if (part.type === 'input_audio')
    return use('audio', isJsonObject(part.input_audio) ? part.input_audio.data : undefined)
  return undefined
}

function use(kind: MediaUse['kind'], named: unknown): MediaUse | undefined {
  if (typeof named !== 'string') return undefined
  // What only looks like an id is one too: it could not be a URL.
  const id = MEDIA_PLACEHOLDER.exec(named)?.[1] ?? /^(?:data:[^,;]*;)?(jan_[^,;]*)$/.exec(named)?.[1]
  return id === undefined ? undefined : { kind, id }
}

export const unknownMedia = (id: string, param?: string) =>
  new AppError('not_found', `Media '${id}' was not found`, param ? { param } : {})
