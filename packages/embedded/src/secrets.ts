import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Secrets = {
  postgresPassword: string
  identityAdminPassword: string
  backendClientSecret: string
  internalTokenKeys: string
  mediaUrlSecret: string
}

/** Made once and kept beside the data they open; readable by their owner only. `fresh` says that this was the first time. */
export function readSecrets(stateDir: string): Secrets & { fresh: boolean } {
  const file = join(stateDir, 'secrets.json')
  if (existsSync(file)) return { ...(JSON.parse(readFileSync(file, 'utf8')) as Secrets), fresh: false }
  const random = () => randomBytes(32).toString('base64url')
  const secrets: Secrets = {
    postgresPassword: random(),
    identityAdminPassword: randomBytes(12).toString('base64url'),
    backendClientSecret: random(),
    internalTokenKeys: `laptop:${random()}`,
    mediaUrlSecret: random(),
  }
  mkdirSync(stateDir, { recursive: true })
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  return { ...secrets, fresh: true }
}
