import type { CallToolResult } from '@modelcontextprotocol/server'
import type { KeptFile } from './keep-files.ts'
import type { ProgramFile, ProgramOutcome } from './program.ts'

type Content = NonNullable<CallToolResult['content']>[number]

/** A larger picture is a link: everything in a result is read by a model, again and again. */
const MAX_IMAGE_BYTES = 1 << 20
const MAX_IMAGES = 4
const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** Pictures to be seen, and a drawing that could not be stored; links to the rest. A link is read as a resource, or by its id. */
export function presentFiles(kept: KeptFile[]): Content[] {
  let images = 0
  return kept.flatMap((each): Content[] => {
    const mime = 'artifact' in each ? each.artifact.mime : 'image/svg+xml'
    const isShown = 'artifact' in each ? SHOWN.has(mime) : isSvg(each.file)
    if (isShown && each.file.bytes.byteLength <= MAX_IMAGE_BYTES && images++ < MAX_IMAGES)
      return [{ type: 'image', data: Buffer.from(each.file.bytes).toString('base64'), mimeType: mime }]
    if (!('artifact' in each)) return []
    const { id, name, bytes } = each.artifact
    return [{ type: 'resource_link', uri: `jan://media/${id}`, name, mimeType: mime, size: bytes }]
  })
}

const isSvg = ({ name, bytes }: ProgramFile): boolean =>
  /\.svg$/i.test(name) && /<svg[\s>]/i.test(Buffer.from(bytes.subarray(0, 4096)).toString())

/** What a model reads of them. */
export function describeFiles(kept: KeptFile[], left: ProgramOutcome['leftFiles']): string[] {
  return [
    ...kept.map((each) =>
      'artifact' in each
        ? `file ${each.artifact.name} (${each.artifact.mime}, ${each.artifact.bytes} bytes): ${each.artifact.id}`
        : `file ${each.notKept.name} was not stored: ${each.notKept.reason}`,
    ),
    ...left.map(({ name, bytes, reason }) => `file ${name} (${bytes} bytes) was not taken: ${reason}`),
  ]
}
