import { Worker } from 'node:worker_threads'
import type { Reason } from './unreadable.ts'

/** What a process is started for: one file comes in on its standard input, one answer goes out on its standard output. */
export type Task = {
  wanted: 'text' | 'pages' | 'parts'
  mime: string
  maxTextBytes: number
  /** Of a longer file this much is read: what reads it needs the beginning only, or says that it is cut off. */
  maxInputBytes: number
  isCutGood: boolean
}

export type Answer =
  | { text: string; truncated: boolean }
  | { pages: number }
  | { reason: Reason; message?: string }
  | Record<string, never>

/** Of the thread that reads: its heap. What lies outside of it is for the parent to watch. */
const HEAP_MEBIBYTES = 384

async function readInput(most: number): Promise<{ input: Uint8Array<ArrayBuffer>; isCut: boolean }> {
  const chunks: Buffer[] = []
  let left = most
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, left))
    left -= chunk.length
    if (left < 0) break
  }
  // Memory of its own, so that it can be handed over instead of copied.
  const input = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    input.set(chunk, at)
    at += chunk.length
  }
  return { input, isCut: left < 0 }
}

/** The answer is one line of JSON; a text follows it as it is. */
function answer(given: Answer): void {
  const { text = '', ...line } = given as { text?: string }
  process.stdout.write(`${JSON.stringify(line)}\n${text}`, () => process.exit(0))
}

async function perform(task: Task): Promise<void> {
  const { input, isCut } = await readInput(task.maxInputBytes)
  if (isCut && !task.isCutGood) return answer({ reason: 'size' })
  const worker = new Worker(new URL('./text-worker.ts', import.meta.url), {
    workerData: { task, input, isCut },
    transferList: [input.buffer],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES },
  })
  worker.on('message', answer)
  worker.on('error', (error) => {
    if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') return answer({ reason: 'memory' })
    process.stderr.write(String(error), () => process.exit(1))
  })
}

// When the service is killed this process ends too, however busy the thread is.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))

await perform(JSON.parse(process.argv[2]!) as Task)
