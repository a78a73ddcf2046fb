/** Enough for every signature, and for the comment of a ZIP file (64 KiB) with its records before it. */
export const HEAD_BYTES = 64 * 1024
export const TAIL_BYTES = 66 * 1024

/** What is kept of a file that streams by: its beginning (≤ 64 KiB), its end (≤ 66 KiB) and how long it is. They may overlap. */
export type Edges = { head: Buffer; tail: Buffer; bytes: number }

export type EdgeKeeper = {
  push(chunk: Uint8Array): void
  readonly head: Buffer
  readonly bytes: number
  readonly edges: Edges
}

/** Keeps the edges of a stream, in 200 KiB, however small its chunks are. */
export function createEdgeKeeper(): EdgeKeeper {
  const first = Buffer.allocUnsafe(HEAD_BYTES)
  const last = Buffer.allocUnsafe(2 * TAIL_BYTES)
  let lastLength = 0
  let bytes = 0
  const head = () => first.subarray(0, Math.min(bytes, HEAD_BYTES))
  return {
    push(chunk) {
      if (bytes < HEAD_BYTES) first.set(chunk.subarray(0, HEAD_BYTES - bytes), bytes)
      bytes += chunk.length
      const end = chunk.subarray(Math.max(0, chunk.length - TAIL_BYTES))
      if (lastLength + end.length > last.length) {
        last.copyWithin(0, lastLength - TAIL_BYTES, lastLength)
        lastLength = TAIL_BYTES
      }
      last.set(end, lastLength)
      lastLength += end.length
    },
    get head() {
      return head()
    },
    get bytes() {
      return bytes
    },
    get edges() {
      return { head: head(), tail: last.subarray(Math.max(0, lastLength - TAIL_BYTES), lastLength), bytes }
    },
  }
}

/** The edges of what is at hand as a whole. */
export const edgesOf = (content: Buffer): Edges => ({
  head: content.subarray(0, HEAD_BYTES),
  tail: content.subarray(Math.max(0, content.length - TAIL_BYTES)),
  bytes: content.length,
})
