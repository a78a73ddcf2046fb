import { type ChildProcess, fork } from 'node:child_process'
import { basename } from 'node:path'

export type Started<Ready> = { pid: number; ready: Ready; child: ChildProcess }

/**
 * Runs a file of the bench in a process of its own and waits for what it says first. It ends with `cleanup`,
 * and by itself when this process is gone.
 * @throws Error when it ends instead
 */
export async function startProcess<Ready>(
  file: URL,
  input: unknown,
  cleanup: AsyncDisposableStack,
): Promise<Started<Ready>> {
  const child = fork(file, [JSON.stringify(input)], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  cleanup.defer(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const ready = await nextMessage<Ready>(child)
  return { pid: child.pid!, ready, child }
}

/** What the process says next. @throws Error when it ends instead */
export function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((done, fail) => {
    const onMessage = (message: unknown) => {
      child.off('exit', onExit)
      done(message as T)
    }
    const onExit = () => {
      child.off('message', onMessage)
      fail(new Error(`${basename(child.spawnargs[1]!)} ended early`))
    }
    child.once('message', onMessage)
    child.once('exit', onExit)
  })
}

/** In such a process: what it was started with. */
export function readInput<Input>(): Input {
  process.once('disconnect', () => process.exit())
  return JSON.parse(process.argv[2]!) as Input
}

/** In such a process: tells the one that started it. */
export const tell = (message: unknown): void => void process.send!(message)
