import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Secrets = {
  postgresPassword: string
  identityAdminPassword: string
  backendClientSecret: string
  internalTokenKeys: string
  fieldEncryptionKeys: string
  mediaUrlSecret: string
}

/**
 * Made once and kept beside the data they open; readable by their owner only. What an older version did not make is
 * made now. `fresh` says that this was the first time.
 */
export function readSecrets(stateDir: string): Secrets & { fresh: boolean } {
  const file = join(stateDir, 'secrets.json')
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Secrets>) : undefined
  const made = makeSecrets()
  const secrets: Secrets = { ...made, ...kept }
  if (!kept || Object.keys(made).some((name) => !(name in kept))) write(stateDir, file, secrets)
  return { ...secrets, fresh: !kept }
}

function makeSecrets(): Secrets {
  const random = () => randomBytes(32).toString('base64url')
  return {
    postgresPassword: random(),
    identityAdminPassword: randomBytes(12).toString('base64url'),
    backendClientSecret: random(),
    internalTokenKeys: `laptop:${random()}`,
    fieldEncryptionKeys: `laptop:${random()}`,
    mediaUrlSecret: random(),
  }
}

/** Whole or not at all: without these the data cannot be opened any more. */
function write(stateDir: string, file: string, secrets: Secrets): void {
  mkdirSync(stateDir, { recursive: true })
  const unfinished = `${file}.unfinished`
  writeFileSync(unfinished, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  renameSync(unfinished, file)
}
