import { StringDecoder } from 'node:string_decoder'

/** The text of a chunk: its number, and in the first how long the upstream itself took to send it, in ms. */
export const chunkText = (index: number, waitedMs: number): string =>
  index === 0 ? `#0 ${waitedMs.toFixed(3)} ` : `#${index} `

const CHUNK_TEXT = /^#(\d+) (?:(\d+\.\d+) )?$/

type StreamChecker = {
  /** @returns how many of the chunks these bytes completed @throws Error at the first that is not the next */
  push(bytes: Buffer): number
  /** @throws Error unless every chunk came, and `[DONE]` after them */
  end(): void
  /** How long the upstream took to its first chunk; known after it. */
  readonly upstreamMs: number | undefined
}

/**
 * Holds one stream against what the upstream sent: the same chunks, each once, in order, then `[DONE]`.
 * It compares the texts, not the bytes, so that a gateway may write its chunks anew; chunks without text are nobody's loss.
 */
export function createStreamChecker(chunks: number): StreamChecker {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let next = 0
  let isDone = false
  let upstreamMs: number | undefined

  const read = (data: string) => {
    if (isDone) throw new Error('the stream goes on after [DONE]')
    if (data === '[DONE]') {
      isDone = true
      return
    }
    const text = textIn(data)
    if (!text) return
    const [, index, waited] = CHUNK_TEXT.exec(text) ?? []
    if (Number(index) !== next) throw new Error(`chunk ${next} of ${chunks} did not come, but '${text.slice(0, 80)}'`)
    if (waited) upstreamMs = Number(waited)
    next += 1
  }

  return {
    push: (bytes) => {
      const before = next
      const lines = (rest + decoder.write(bytes)).split('\n')
      rest = lines.pop()!
      for (const line of lines) if (line.startsWith('data:')) read(line.slice('data:'.length).trim())
      return next - before
    },
    end: () => {
      if (rest) throw new Error(`the stream ended inside a line: '${rest.slice(0, 80)}'`)
      if (next !== chunks) throw new Error(`the stream ended after ${next} of ${chunks} chunks`)
      if (!isDone) throw new Error('the stream ended without [DONE]')
    },
    get upstreamMs() {
      return upstreamMs
    },
  }
}

type Chunk = { error?: unknown; choices?: { delta?: { content?: string | null } }[] }

function textIn(data: string): string | null | undefined {
  const { error, choices } = JSON.parse(data) as Chunk
  if (error) throw new Error(`the stream holds an error: ${JSON.stringify(error).slice(0, 200)}`)
  return choices?.[0]?.delta?.content
}
