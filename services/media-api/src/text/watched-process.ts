import { type ChildProcess, spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ASK_EVERY_MS, residentBytes } from './resident-memory.ts'
import { Unreadable } from './unreadable.ts'

export type Watch = {
  timeoutMs: number
  /** Of everything the process holds, not only of its heap. */
  memoryBytes: number
  /** What it may answer. */
  maxOutputBytes: number
  signal?: AbortSignal | undefined
}

/**
 * Runs Node with these arguments, feeds it and waits for its answer. Whatever happens, the process is gone afterwards.
 * @throws Unreadable `time` or `memory` at a cap; the reason of `signal`; Error when it ends without success
 */
export async function runWatched(args: string[], input: AsyncIterable<Uint8Array>, watch: Watch): Promise<Buffer> {
  watch.signal?.throwIfAborted()
  const child = spawn(process.execPath, args, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe', 'ipc'] })
  const closed = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(`${code ?? signal}`))
  })
  let stopped: unknown
  const stop = (why: unknown) => {
    stopped ??= why
    child.kill('SIGKILL')
  }
  const onAbort = () => stop(watch.signal?.reason)
  watch.signal?.addEventListener('abort', onAbort, { once: true })
  const deadline = setTimeout(() => stop(new Unreadable('time')), watch.timeoutMs)
  const guard = setInterval(async () => {
    if (child.pid && (await residentBytes(child.pid)) > watch.memoryBytes) stop(new Unreadable('memory'))
  }, ASK_EVERY_MS)
  try {
    const [output, complaint] = converse(child, input, watch.maxOutputBytes, stop)
    const end = await closed
    if (stopped !== undefined) throw stopped
    if (OUT_OF_MEMORY.test(end)) throw new Unreadable('memory')
    if (end !== '0') throw new Error(`the process ended with ${end}: ${await complaint}`)
    return await output
  } finally {
    clearTimeout(deadline)
    clearInterval(guard)
    watch.signal?.removeEventListener('abort', onAbort)
  }
}

/** How Node ends when there is no memory left for its own needs. */
const OUT_OF_MEMORY = /^(SIGABRT|SIGTRAP|SIGILL|13[34])$/

/** Feeds it and listens. @returns what it says, and what it complains of */
function converse(
  child: ChildProcess,
  input: AsyncIterable<Uint8Array>,
  most: number,
  stop: (why: unknown) => void,
): [output: Promise<Buffer>, complaint: Promise<Buffer>] {
  // Without its pipes it could not be started; `closed` says why.
  const { stdin, stdout, stderr } = child
  if (!stdin || !stdout || !stderr) return [Promise.resolve(Buffer.alloc(0)), Promise.resolve(Buffer.alloc(0))]
  pipeline(Readable.from(input), stdin).catch((error: NodeJS.ErrnoException) => {
    // It may close its end when it has read enough; a source that fails is another matter.
    if (!['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(error.code ?? '')) stop(error)
  })
  const output = collect(stdout, most, () => stop(new Error('it answers more than it may')))
  return [output, collect(stderr, 16 * 1024, () => undefined)]
}

/** Keeps at most `most` bytes, and says when there are more. */
async function collect(stream: Readable, most: number, onMore: () => void): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > most) onMore()
    else chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
