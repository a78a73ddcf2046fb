import { connect } from 'node:net'
import { answers } from './child.ts'
import type { Layout, Port } from './layout.ts'
import { readRunning } from './run-file.ts'
import { SERVICE_NAMES } from './services.ts'

const READY: Partial<Record<Port, string>> = {
  gateway: '/healthz',
  ...Object.fromEntries(SERVICE_NAMES.map((name) => [name, '/readyz'])),
  identity: '/healthz',
  simulator: '/healthz',
  'local-model': '/healthz',
}
const SHOWN: Port[] = ['gateway', ...SERVICE_NAMES, 'identity', 'simulator', 'postgres', 'redis']

/** One line a part: name, address, and whether it answers now. */
export async function statusTable(layout: Layout): Promise<string> {
  const hasLocalModel = readRunning(layout)?.children['local-model'] !== undefined
  const rows = await Promise.all(
    [...SHOWN, ...(hasLocalModel ? (['local-model'] as const) : [])].map(
      async (name) => [name, addressOf(layout, name), (await isUp(layout, name)) ? 'up' : 'down'] as const,
    ),
  )
  return rows.map(([name, address, state]) => `  ${name.padEnd(14)} ${address.padEnd(30)} ${state}`).join('\n')
}

export async function showStatus(layout: Layout): Promise<void> {
  const running = readRunning(layout)
  console.log(
    running
      ? `The platform runs (pid ${running.pid}, ${running.state}).`
      : 'The platform does not run; make start starts it.',
  )
  console.log(await statusTable(layout))
  if (!running) process.exitCode = 3
}

const addressOf = (layout: Layout, name: Port) =>
  READY[name] ? `http://localhost:${layout.ports[name]}` : `127.0.0.1:${layout.ports[name]}`

function isUp(layout: Layout, name: Port): Promise<boolean> {
  const path = READY[name]
  return path ? answers(`http://127.0.0.1:${layout.ports[name]}${path}`) : accepts(layout.ports[name])
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1000 })
    const finish = (up: boolean) => {
      socket.destroy()
      done(up)
    }
    socket
      .once('connect', () => finish(true))
      .once('error', () => finish(false))
      .once('timeout', () => finish(false))
  })
}
