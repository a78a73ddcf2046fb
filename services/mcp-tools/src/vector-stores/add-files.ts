import { toAppError } from '@jan/service-kit/errors'
import type { Asking } from '../documents/asking.ts'
import type { Document } from '../documents/document.ts'
import type { IndexDeps } from '../documents/index-document.ts'
import { addFile, keepFailure } from './add-file.ts'
import type { AddFile } from './vector-store.schema.ts'

const AT_ONCE = 4

/** Adds several files, each id once; what happens to one is told in its own row. @throws the reason of the signal when that was aborted */
export async function addFiles(
  deps: IndexDeps,
  asking: Asking,
  { files, collectionId }: { files: AddFile[]; collectionId: string },
): Promise<Document[]> {
  const waiting = [...new Map(files.map((file) => [file.file_id, file])).values()]
  const added: Document[] = []
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) added.push(await addOrSayWhy(file))
  }
  const addOrSayWhy = async (file: AddFile) => {
    try {
      return await addFile(deps, asking, { file, collectionId })
    } catch (error) {
      asking.signal.throwIfAborted()
      const { code, message } = toAppError(error)
      if (code === 'internal') throw error
      const failure = code === 'not_found' ? 'invalid_file' : 'server_error'
      return keepFailure(deps, asking, { file, collectionId, code: failure, message })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return added
}
