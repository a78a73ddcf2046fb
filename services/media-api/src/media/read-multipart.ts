import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyFileStream } from '@fastify/busboy'
import { AppError, invalid } from '@jan/service-kit/errors'
import type { Streamed } from '@jan/service-kit/streamed-body'

/** A file part of a form, as it comes. */
export type FilePart = { stream: AsyncIterable<Uint8Array>; filename: string | undefined; declared: string | undefined }

const LIMITS = { fields: 32, fieldSize: 64 * 1024, parts: 40, files: 1, headerPairs: 32 }

/**
 * Hands the one file of a form to `take` as it comes. When the form is bad, `take` has ended before this throws.
 * @returns the fields, those behind the file too
 * @throws AppError `invalid_request` for a form that is none, has no file part of this name, or breaks off
 */
export async function readMultipart(
  { stream, type }: Streamed,
  part: string,
  take: (file: FilePart) => Promise<void>,
): Promise<Record<string, string>> {
  if (!/^multipart\/form-data\b/i.test(type))
    throw new AppError('unsupported_media_type', 'Expected a form (multipart/form-data) with the bytes as `file`')
  const fields: Record<string, string> = {}
  let taken: Promise<void> | undefined
  let open: BusboyFileStream | undefined
  const parser = openParser(type)
  parser.on('field', (name, value, nameTruncated, valueTruncated) => {
    if (nameTruncated || valueTruncated)
      parser.destroy(invalid(`The field ${name.slice(0, 64)} is too long`, name.slice(0, 64)))
    else fields[name] = value
  })
  parser.on('file', (name, file, filename, _encoding, declared) => {
    // Of a small form it may fail before anybody reads it; unheard, that would end the process. Its reader is told anyway.
    file.on('error', () => undefined)
    if (name !== part)
      return void parser.destroy(invalid(`The bytes are expected as '${part}', not as '${name.slice(0, 64)}'`, part))
    open = file
    taken = take({ stream: whole(file), filename: filename || undefined, declared: declaredIn(declared) })
    // Its failure ends the reading, too: nobody wants the rest.
    taken.catch((error: Error) => parser.destroy(error))
  })
  for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const)
    parser.on(event, () => parser.destroy(invalid('The form has too many parts: one file is expected', part)))
  try {
    await pipeline(stream, parser)
  } catch (error) {
    const problem =
      error instanceof AppError ? error : invalid('The form cannot be read: it is malformed or breaks off', part)
    // Whoever reads the file hears of it, and is waited for: what it has begun it also takes back.
    open?.destroy(problem)
    await taken?.catch(() => undefined)
    throw problem
  }
  if (!taken) throw invalid(`The form has no file '${part}'`, part)
  await taken
  return fields
}

function openParser(type: string) {
  try {
    return new Busboy({ headers: { 'content-type': type }, limits: LIMITS })
  } catch {
    throw invalid('The form has no boundary')
  }
}

/** A part that ends before its boundary was cut. */
async function* whole(file: BusboyFileStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of file) yield chunk
  if (file.truncated) throw invalid('The form breaks off in the middle of the file', 'file')
}

/** A part that says nothing is text to the parser (RFC 7578, 4.4), so that this one name says nothing either. */
const declaredIn = (type: string): string | undefined => (type === '' || type === 'text/plain' ? undefined : type)
