import { fileURLToPath } from 'node:url'
import { freePort } from '@jan/testkit/free-port'
import { createTestDatabase } from '@jan/testkit/postgres'

/** An identity provider with the realm of this repository. */
export type Provider = { url: string; clientSecret: string; close(): Promise<void> }

/** The real one that `make test-platform` has started, else the embedded one on a database of its own. */
export async function openProvider(env: NodeJS.ProcessEnv): Promise<Provider> {
  const { JAN_TEST_KEYCLOAK_URL: url, JAN_TEST_KEYCLOAK_CLIENT_SECRET: clientSecret } = env
  return url && clientSecret ? { url, clientSecret, close: async () => undefined } : startEmbedded()
}

async function startEmbedded(): Promise<Provider> {
  const database = await createTestDatabase()
  const clientSecret = 'a-test-secret'
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { createIdentityProvider } = await import('@jan/embedded/identity/identity')
  const provider = await createIdentityProvider({
    realmFile: fileURLToPath(new URL('../../keycloak/import/realm-jan.json', import.meta.url)),
    baseUrl: url,
    database: database.url,
    secrets: { JAN_BACKEND_CLIENT_SECRET: clientSecret },
    masterAdmin: { username: 'admin', password: 'master-password' },
    hashCost: 16,
    production: false,
  })
  await provider.listen(port)
  const close = async () => {
    await provider.close()
    await database.drop()
  }
  return { url, clientSecret, close }
}
