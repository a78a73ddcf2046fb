import type { IncomingMessage } from 'node:http'
import { type ParseError, parse as parseTolerant, printParseErrorCode } from 'jsonc-parser'
import { AppError, invalid } from './errors.ts'
import { IDLE_MS, tooSlow } from './streamed-body.ts'

const tooLarge = (limit: number) => new AppError('payload_too_large', `The request body is larger than ${limit} bytes`)

/**
 * Reads a request body of at most `limit` bytes. Refuses by `Content-Length` before reading, else as soon as the limit
 * is passed, and with 408 when nothing comes for `idleMs`. Of what is refused nothing is kept.
 */
export function readBody(request: IncomingMessage, limit: number, idleMs = IDLE_MS): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit))
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    let isOver = false
    let silence: NodeJS.Timeout | undefined
    const end = () => {
      isOver = true
      clearTimeout(silence)
    }
    const fail = (error: AppError) => {
      end()
      chunks.length = 0
      reject(error)
    }
    request.on('data', (chunk: Buffer) => {
      if (isOver) return
      size += chunk.length
      if (size > limit) return fail(tooLarge(limit))
      chunks.push(chunk)
      silence?.refresh()
    })
    request.once('end', () => {
      if (isOver) return
      end()
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size))
    })
    const cut = (cause?: Error) => {
      // Every request closes at last; an error costs its stack.
      if (!isOver) fail(new AppError('client_closed_request', 'The request body ended early', { cause }))
    }
    request.once('error', cut)
    request.once('close', () => cut())
    // What came with its head is here by then, and needs no watch.
    queueMicrotask(() => {
      const { complete, headers, readableLength } = request
      const isHere = complete || size + readableLength >= Number(headers['content-length'])
      if (!isOver && !isHere) silence = setTimeout(() => fail(tooSlow(idleMs)), idleMs)
    })
  })
}

/** JSON that could not be parsed; `position` counts UTF-16 units from 0. */
export class JsonSyntaxError extends Error {
  override name = 'JsonSyntaxError'
  readonly position: number

  constructor(what: string, position: number, text: string) {
    const before = text.slice(0, position).split('\n')
    super(`${what} at position ${position} (line ${before.length}, column ${before.at(-1)!.length + 1})`)
    this.position = position
  }
}

/**
 * Strict JSON.parse whose error always names the position.
 * V8 names it only for some mistakes, so a tolerant parser looks for the place once strict parsing has failed.
 * @throws {JsonSyntaxError}
 */
export function parseJson(input: Buffer | string): unknown {
  const text = typeof input === 'string' ? input : decodeUtf8(input)
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof RangeError) throw new JsonSyntaxError('Nested too deeply', 0, text)
    const errors: ParseError[] = []
    parseTolerant(text, errors, { disallowComments: true, allowTrailingComma: false })
    const first = errors[0]
    const words = first
      ? printParseErrorCode(first.error).replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
      : 'Syntax error'
    throw new JsonSyntaxError(words, first?.offset ?? 0, text)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decodeUtf8(input: Buffer): string {
  try {
    return utf8.decode(input)
  } catch {
    throw new JsonSyntaxError('Invalid UTF-8', 0, '')
  }
}

/** A JSON request body, or 400 naming where it breaks. An empty body is `undefined`. */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined
  try {
    return parseJson(body)
  } catch (error) {
    throw new AppError('invalid_request', `The request body is not valid JSON: ${(error as Error).message}`, {
      wireCode: 'invalid_json',
    })
  }
}

/** What somebody else's server sent, if it is JSON at all: undefined is for the reader's schema to refuse. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `{…}`: neither a list nor null. */
export const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON of a value that came from a caller. @throws AppError `invalid_request` when it is nested deeper than can be written again */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error instanceof RangeError) throw invalid('The request is nested too deeply')
    throw error
  }
}
