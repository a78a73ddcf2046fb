import { MediaId, ResolveMediaAnswer } from '@jan/contracts/media'
import { AppError, invalid } from '@jan/service-kit/errors'
import { z } from 'zod'
import type { ToolCall, ToolDeps } from '../tools/tool.ts'
import type { ProgramFile } from './program.ts'
import { type InputFile, isFileName } from './python-exec.schema.ts'

/** All files of one program together. */
export const MAX_INPUT_BYTES = 20 << 20

const Metadata = z.object({ bytes: z.int(), filename: z.string() })

/**
 * The bytes of stored objects, as their caller may read them, under the names that a program finds them by.
 * @throws AppError `not_found`, `forbidden`, `payload_too_large`, `invalid_request`, `unavailable`
 */
export async function bringFiles(
  { mediaApi }: Pick<ToolDeps, 'mediaApi'>,
  call: Pick<ToolCall, 'caller' | 'requestId' | 'signal'>,
  wanted: InputFile[],
): Promise<ProgramFile[]> {
  if (wanted.length === 0) return []
  // A service that acts for nobody reaches every workspace.
  if (call.caller.kind === 'service') throw invalid('Files belong to a person: call for one', 'files')
  const { caller, requestId, signal } = call
  const asking = { caller, requestId, signal }
  const known = await Promise.all(
    wanted.map(async ({ id, name }) => {
      if (!MediaId.safeParse(id).success) throw invalid(`${id.slice(0, 40)} is no media id (jan_…)`, 'files')
      const found = Metadata.parse(await mediaApi.json({ ...asking, method: 'GET', path: `/v1/media/${id}/metadata` }))
      return { id, bytes: found.bytes, name: name ?? plainName(found.filename, id) }
    }),
  )
  requireFitting(known)
  return Promise.all(
    known.map(async ({ id, name }) => {
      const json = { ids: [id], as: 'data_url' }
      const answer = ResolveMediaAnswer.parse(
        await mediaApi.json({ ...asking, method: 'POST', path: '/v1/media/resolve', json }),
      )
      const url = answer.media?.[0]?.data_url
      if (url === undefined) throw new AppError('upstream_failed', `media-api did not send the bytes of ${id}`)
      return { name, bytes: Buffer.from(url.slice(url.indexOf(',') + 1), 'base64') }
    }),
  )
}

function requireFitting(files: { name: string; bytes: number }[]): void {
  const twice = files.find(({ name }, at) => files.findIndex((other) => other.name === name) !== at)
  if (twice) throw invalid(`Two files are called ${twice.name}: give them names of their own`, 'files')
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total > MAX_INPUT_BYTES)
    throw new AppError('payload_too_large', `The files are ${total} bytes together, and ${MAX_INPUT_BYTES} are allowed`)
}

/** The name it was stored under, unless no folder could hold that. */
const plainName = (filename: string, id: string): string => {
  const name = filename.replace(/[/\\\p{C}]/gu, '_').slice(-100)
  return isFileName(name) ? name : id
}
