import { createHash, randomBytes } from 'node:crypto'
import { AppError } from '@jan/service-kit/errors'
import type { Edges } from '../content/edges.ts'
import type { MediaType } from '../content/media-type.ts'
import { createRecogniser } from '../content/recognise-type.ts'
import { requirePure } from '../content/require-pure.ts'
import type { Deps } from '../deps.ts'

/** Bytes on their way in. What the sender says of them is judged, not believed. */
export type Incoming = {
  stream: AsyncIterable<Uint8Array>
  /** By which the sender announced them; a stream of another length is refused. */
  length?: number | undefined
  filename?: string | undefined
  /** Of a part or an upload slot. */
  declared?: string | undefined
  /** Whether it may be an SVG, which is taken of our programs only. */
  takesSvg?: boolean | undefined
}

/** What has come in: stored under a key of its own, and seen by nobody before a row names it. */
export type Received = { storageKey: string; bytes: number; sha256: string; type: MediaType; edges: Edges }

type Needs = Pick<Deps, 'storage' | 'settings'>

/**
 * Stores bytes as they come, however many: they are counted, hashed and recognised on the way. Nothing stays of what is
 * refused.
 * @param most how many bytes the workspace has left
 * @throws AppError `payload_too_large`, `unsupported_media_type`, `invalid_request`
 */
export async function receiveContent(
  deps: Needs,
  id: string,
  incoming: Incoming,
  requireRoom: (bytes: number) => void,
): Promise<Received> {
  // Tries of one request share the id. Bytes they do not share: one that fails late must not take away another's.
  const storageKey = `media/${id}-${randomBytes(4).toString('hex')}`
  const judge = createJudge(deps, incoming, requireRoom)
  const content = { stream: judge.watch(incoming.stream), length: incoming.length }
  try {
    await deps.storage.put(storageKey, content, { type: 'application/octet-stream' })
    return { storageKey, ...(await judge.verdict()) }
  } catch (error) {
    await deps.storage.delete(storageKey).catch(() => undefined)
    throw error
  }
}

/** Judges bytes that lie in the storage already, as those of a direct upload do. */
export async function judgeStored(
  deps: Needs,
  storageKey: string,
  incoming: Omit<Incoming, 'stream'>,
  requireRoom: (bytes: number) => void,
): Promise<Received | undefined> {
  const stream = await deps.storage.get(storageKey)
  if (!stream) return undefined
  const judge = createJudge(deps, { ...incoming, stream }, requireRoom)
  for await (const _ of judge.watch(stream));
  return { storageKey, ...(await judge.verdict()) }
}

function createJudge({ settings }: Pick<Deps, 'settings'>, incoming: Incoming, requireRoom: (bytes: number) => void) {
  const { filename, declared, takesSvg, length } = incoming
  const recogniser = createRecogniser({ filename: filename || undefined, declared: declared || undefined, takesSvg })
  const hash = createHash('sha256')
  let bytes = 0
  const requireSmall = (size: number) => {
    const most = recogniser.kind ? settings.maxBytes[recogniser.kind] : settings.largest
    if (size > most) throw tooLarge(most)
    requireRoom(size)
  }
  async function* watch(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    if (length !== undefined) requireSmall(length)
    for await (const chunk of stream) {
      bytes += chunk.byteLength
      await recogniser.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      requireSmall(bytes)
      hash.update(chunk)
      yield chunk
    }
  }
  const verdict = async (): Promise<Omit<Received, 'storageKey'>> => {
    if (bytes === 0) throw new AppError('invalid_request', 'There is nothing in it')
    const type = await recogniser.end()
    if (bytes > settings.maxBytes[type.kind]) throw tooLarge(settings.maxBytes[type.kind])
    const edges = recogniser.edges
    requirePure(type, edges)
    return { bytes, sha256: hash.digest('hex'), type, edges }
  }
  return { watch, verdict }
}

export const tooLarge = (maxBytes: number) =>
  new AppError('payload_too_large', `The media is larger than ${maxBytes} bytes`)
