import { join } from 'node:path'
import { Interrupted } from './interrupted.ts'
import { type Layout, loadDotEnv, readLayout } from './layout.ts'

/** What `make` calls. Each command is a file of its own, loaded when it is asked for. */
const COMMANDS: Record<string, (layout: Layout, env: NodeJS.ProcessEnv) => Promise<void>> = {
  start: async (layout, env) => (await import('./command-start.ts')).start(layout, env),
  'start-bg': async (layout, env) => (await import('./command-background.ts')).startInBackground(layout, env),
  stop: async (layout) => (await import('./command-background.ts')).stopBackground(layout),
  status: async (layout) => (await import('./command-status.ts')).showStatus(layout),
  reset: async (layout) => (await import('./command-background.ts')).reset(layout),
  logs: async (layout, env) => (await import('./command-logs.ts')).followLogs(layout, env.S),
  doctor: async (layout, env) => (await import('./command-doctor.ts')).examine(layout, env),
  user: async (layout, env) => (await import('./command-user.ts')).createUser(layout, env),
  demo: async (layout, env) => (await import('./demo.ts')).runDemo(layout, env),
}

// Whoever reads our output may stop reading: `make status | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

const name = process.argv[2] ?? ''
const command = COMMANDS[name]
try {
  const root = join(import.meta.dirname, '../../..')
  loadDotEnv(root)
  const layout = readLayout(process.env)
  if (!command) throw new Error(`No command '${name}'; there are ${Object.keys(COMMANDS).join(', ')}`)
  await command(layout, process.env)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  // What was cut short may still wait for an answer.
  if (error instanceof Interrupted) process.exit(130)
  process.exitCode = 1
}
