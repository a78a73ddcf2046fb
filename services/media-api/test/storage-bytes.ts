import { createHash } from 'node:crypto'

export const MIB = 1024 * 1024

export const png = { type: 'image/png' }

export async function collect(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** So many mebibytes, no two of them alike; then it breaks, if it is to. */
export async function* mebibytes(count: number, end?: Error): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(MIB, 'jan')
  for (let index = 0; index < count; index += 1) {
    block.writeUInt32BE(index)
    yield Buffer.from(block)
  }
  if (end) throw end
}

export async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

export async function hashOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}
