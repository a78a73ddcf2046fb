import { createGateway } from './gateway.ts'
import { loadKongFile } from './kong-file.ts'

/** The embedded gateway as a process of its own; the supervisor starts it and reads its lines. */
const print = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`)

function wholeNumber(name: string, value: string | undefined): number {
  if (value && /^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw new Error(`${name} must be a whole number above 0, not '${value ?? ''}'`)
}

try {
  const { GATEWAY_PORT, GATEWAY_FILE, GATEWAY_HOSTS = '', GATEWAY_RATE_LIMIT, NODE_ENV } = process.env
  const hosts = GATEWAY_HOSTS.split(',').map((entry) => entry.split('='))
  const gateway = createGateway({
    config: loadKongFile(GATEWAY_FILE),
    ports: Object.fromEntries(hosts.map(([name = '', port]) => [name, wholeNumber(`GATEWAY_HOSTS (${name})`, port)])),
    rateLimitPerMinute: GATEWAY_RATE_LIMIT ? wholeNumber('GATEWAY_RATE_LIMIT', GATEWAY_RATE_LIMIT) : undefined,
    production: NODE_ENV === 'production',
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => gateway.close().then(() => process.exit(0)))
  const port = await gateway.listen(wholeNumber('GATEWAY_PORT', GATEWAY_PORT))
  print({ level: 'info', message: 'ready', port })
} catch (error) {
  print({ level: 'fatal', message: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
