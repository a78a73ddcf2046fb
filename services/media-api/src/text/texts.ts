import { AppError } from '@jan/service-kit/errors'
import { DOCX, type MediaType } from '../content/media-type.ts'
import { createTextReader, type TextReader } from './text-reader.ts'
import { Unreadable } from './unreadable.ts'

type Open = () => Promise<AsyncIterable<Uint8Array> | undefined>

export type Text = { text: string; truncated: boolean }

/** What is inside documents that lie in the storage. */
export type Texts = {
  /** Looks into what was received: pages of a PDF, unless a password or their mere size hides them. @throws AppError `invalid_request` for a bomb, or what is broken */
  inspect(type: MediaType, open: Open, signal: AbortSignal): Promise<{ pages: number | null }>
  extract(media: { mime: string }, open: Open, signal: AbortSignal): Promise<Text>
}

/** Opened when its turn has come: whoever gives up in the line leaves nothing open. */
async function* streamOf(open: Open): AsyncGenerator<Uint8Array> {
  const stream = await open()
  if (!stream) throw new AppError('internal', 'The stored bytes are missing')
  yield* stream
}

/** Of longer ones the beginning is told. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024

export function createTexts(reader: TextReader = createTextReader()): Texts {
  return {
    inspect: async ({ mime }, open, signal) => {
      try {
        if (mime === DOCX) await reader.requireSafeArchive({ stream: streamOf(open) }, { signal })
        if (mime !== 'application/pdf') return { pages: null }
        return { pages: await reader.countPages({ stream: streamOf(open) }, { signal }) }
      } catch (error) {
        if (isHarmless(error)) return { pages: null }
        throw error
      }
    },
    extract: async ({ mime }, open, signal) =>
      reader.extractText({ mime, stream: streamOf(open) }, { maxTextBytes: MAX_TEXT_BYTES, signal }),
  }
}

/** Nobody unfolds what a password hides, or what is larger than what is read. */
function isHarmless(error: unknown): boolean {
  const cause = error instanceof AppError ? error.extra.cause : undefined
  return cause instanceof Unreadable && (cause.reason === 'protected' || cause.reason === 'size')
}
