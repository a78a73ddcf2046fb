import { toAppError } from '@jan/service-kit/errors'
import { z } from 'zod'
import type { ToolCall, ToolDeps } from '../tools/tool.ts'
import type { ProgramFile } from './program.ts'

const Stored = z.object({ id: z.string(), mime: z.string(), bytes: z.int(), presigned_url: z.string() })

/** A file of a program as an object of its caller's. */
export type Artifact = { id: string; name: string; mime: string; bytes: number; url: string }
export type FileNotKept = { name: string; bytes: number; reason: string }
export type KeptFile = { file: ProgramFile; artifact: Artifact } | { file: ProgramFile; notKept: FileNotKept }

/**
 * Stores what a program wrote, one after the other. A file that cannot be stored (some types are refused, a workspace
 * may be full) is told, and costs the run nothing.
 * @throws the reason of `call.signal` when that was aborted
 */
export async function keepFiles(
  { mediaApi }: Pick<ToolDeps, 'mediaApi'>,
  call: Pick<ToolCall, 'caller' | 'requestId' | 'signal' | 'log'>,
  files: ProgramFile[],
): Promise<KeptFile[]> {
  const kept: KeptFile[] = []
  for (const file of files) kept.push(await keepFile({ mediaApi }, call, file))
  return kept
}

async function keepFile(
  { mediaApi }: Pick<ToolDeps, 'mediaApi'>,
  { caller, requestId, signal, log }: Pick<ToolCall, 'caller' | 'requestId' | 'signal' | 'log'>,
  file: ProgramFile,
): Promise<KeptFile> {
  const { name } = file
  const bytes = file.bytes.byteLength
  const notKept = (reason: string) => ({ file, notKept: { name, bytes, reason } })
  if (caller.kind === 'service') return notKept('Files belong to a person, and this call was for none')
  if (bytes === 0) return notKept('It is empty')
  const data_url = `data:application/octet-stream;base64,${Buffer.from(file.bytes).toString('base64')}`
  const json = { source: { type: 'data_url', data_url }, filename: name.slice(name.lastIndexOf('/') + 1) }
  try {
    const sent = await mediaApi.json({ caller, requestId, signal, method: 'POST', path: '/v1/media', json })
    const { id, mime, bytes: stored, presigned_url: url } = Stored.parse(sent)
    return { file, artifact: { id, name, mime, bytes: stored, url } }
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = toAppError(error)
    log.info({ err: error, code }, 'a file of a program was not stored')
    return notKept(code === 'internal' ? 'It could not be stored' : message)
  }
}
