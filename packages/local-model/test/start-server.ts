import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { until } from '@jan/testkit/until'
import { enginePlace } from '../src/install-engine.ts'

const MAIN = join(import.meta.dirname, '../src/main.ts')

export type LocalServer = AsyncDisposable & {
  url: string
  /** Asks it to stop. @returns its exit code */
  stop(): Promise<number | null>
}

/**
 * The server as it is shipped, in a process of its own, over a file of these bytes called `<name>.gguf`.
 * @throws Error with what it said when it ends instead of getting ready
 */
export async function startServer(
  name: string,
  { bytes, engines, env = {} }: { bytes: Buffer; engines: string; env?: Record<string, string> },
): Promise<LocalServer> {
  const folder = mkdtempSync(join(tmpdir(), 'local-model-'))
  const file = join(folder, `${name}.gguf`)
  writeFileSync(file, bytes)
  const url = `http://127.0.0.1:${await freePort()}`
  const own = { JAN_MODEL_GGUF: file, LOCAL_MODEL_ENGINE: enginePlace(engines), LOCAL_MODEL_THREADS: '1' }
  // biome-ignore lint/style/noProcessEnv: what any process needs, and nothing else of this one's.
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH, HOME, ...own, LOCAL_MODEL_HTTP_PORT: new URL(url).port, ...env },
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const exited = once(child, 'close') as Promise<[number | null]>
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    const [code] = await exited
    rmSync(folder, { recursive: true, force: true })
    return code
  }
  const isUp = () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until(async () => (await isUp()) || child.exitCode !== null)
  if (child.exitCode !== null) {
    const code = await end('SIGTERM')
    throw new Error(`${code}: ${said}`)
  }
  return { url, stop: () => end('SIGTERM'), [Symbol.asyncDispose]: async () => void (await end('SIGKILL')) }
}
