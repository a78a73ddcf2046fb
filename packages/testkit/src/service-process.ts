import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'

export type ServiceProcess = {
  url: string
  pid: number
  /** Asks it to stop. @returns its exit code */
  stop(): Promise<number | null>
  /** Ends it in any case. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A service as it is shipped: its sources on the real runtime, in a process of its own, with no variable but these.
 * @throws Error when it ends instead of getting ready
 */
export async function startServiceProcess(
  name: string,
  environment: (url: string) => Record<string, string>,
): Promise<ServiceProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const prefix = name.toUpperCase().replaceAll('-', '_')
  const child = spawn(process.execPath, ['--import', '@jan/service-kit/telemetry', 'src/main.ts'], {
    cwd: fileURLToPath(new URL(`../../../services/${name}`, import.meta.url)),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, NODE_ENV: 'test', [`${prefix}_HTTP_PORT`]: String(port), ...environment(url) },
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
    await new Promise((done) => setTimeout(done, 50))
  }
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    const [code] = await exited
    return code
  }
  return {
    url,
    pid: child.pid!,
    stop: () => end('SIGTERM'),
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  }
}
