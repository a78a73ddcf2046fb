import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { SERVICE_NAMES, SERVICES, type ServiceName } from './services.ts'

/** Where things are on this machine, and at which ports. The one place that knows. */
export type Layout = {
  root: string
  /** Everything that is kept: data, secrets, logs, what runs. `make reset` removes it. */
  stateDir: string
  ports: Record<Port, number>
}

const OTHER_PORTS = {
  gateway: 8000,
  identity: 8085,
  console: 8088,
  examples: 8089,
  simulator: 8101,
  'local-model': 8102,
  postgres: 15432,
  redis: 16379,
} as const
export type Port = ServiceName | keyof typeof OTHER_PORTS

/** Everything that listens, by port. Below 32768: a port in the ephemeral range can be taken by an outgoing connection. */
export const PORTS = Object.fromEntries(
  [...SERVICE_NAMES.map((name) => [name, SERVICES[name].port] as const), ...Object.entries(OTHER_PORTS)].sort(
    ([, one], [, other]) => one - other,
  ),
) as Record<Port, number>

/** @throws Error when JAN_PORT_OFFSET would push a port out of range */
export function readLayout(env: NodeJS.ProcessEnv): Layout {
  const root = resolve(import.meta.dirname, '../../..')
  const offset = Number(env.JAN_PORT_OFFSET || 0)
  if (!Number.isInteger(offset) || offset < 0 || offset > 16_000)
    throw new Error('JAN_PORT_OFFSET must be a whole number from 0 to 16000')
  const ports = Object.fromEntries(
    Object.entries(PORTS).map(([name, port]) => [name, port + offset]),
  ) as Layout['ports']
  const stateDir = env.JAN_STATE_DIR
    ? resolve(env.JAN_STATE_DIR)
    : resolve(root, offset === 0 ? '.jan' : `.jan/offset-${offset}`)
  return { root, stateDir, ports }
}

/** `.env` beside the Makefile, if any; what the shell says wins. */
export function loadDotEnv(root: string): void {
  const file = resolve(root, '.env')
  if (existsSync(file)) process.loadEnvFile(file)
}
