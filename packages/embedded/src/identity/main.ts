import { createIdentityProvider } from './identity.ts'
import { readRedirectUris } from './redirect-uris.ts'

/** The identity provider as a process of its own; the supervisor starts it and reads its lines. */
const env = (name: string): string => {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

const print = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`)

try {
  const baseUrl = env('IDENTITY_BASE_URL')
  const provider = await createIdentityProvider({
    realmFile: env('IDENTITY_REALM_FILE'),
    baseUrl,
    database: env('IDENTITY_DATABASE_URL'),
    secrets: process.env,
    masterAdmin: { username: 'admin', password: env('IDENTITY_ADMIN_PASSWORD') },
    mcpRedirectUris: readRedirectUris(process.env.MCP_REDIRECT_URIS),
    production: process.env.NODE_ENV === 'production',
    log: (message, error) => print({ level: 'error', message, error: String(error) }),
  })
  const stop = () => provider.close().then(() => process.exit(0))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
  const { port } = await provider.listen(Number(env('IDENTITY_PORT')))
  print({ level: 'info', message: 'ready', port, issuer: `${baseUrl}/realms/jan` })
} catch (error) {
  print({ level: 'fatal', message: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
