import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { REALM_FILE } from './identity.fixture.ts'
import { expandPlaceholders, readRealm } from './realm-file.ts'

const realmText = readFileSync(REALM_FILE, 'utf8')
const realm = JSON.parse(expandPlaceholders(realmText, { JAN_BACKEND_CLIENT_SECRET: 'x' }))
type Client = {
  [field: string]: unknown
  clientId: string
  attributes: Record<string, string>
  redirectUris?: string[]
}
const clients = Object.fromEntries((realm.clients as Client[]).map((client) => [client.clientId, client]))
const people = [clients['jan-client'], clients['jan-mcp']]

describe('the realm file [H-69]', () => {
  const read = (change: (realm: Record<string, unknown>) => void) => {
    const realm = JSON.parse(realmText)
    change(realm)
    return () => readRealm(realm)
  }

  test('placeholders take values and defaults; message keys and escaped ones stay', () => {
    const placeholder = (content: string) => `\${${content}}`
    const kept = `${placeholder('username')} $${placeholder('A')} ${placeholder('env.A')}`
    const text = `${placeholder('A')} ${placeholder('B:http://b:1')} ${kept}`
    expect(expandPlaceholders(text, { A: 'x' })).toBe(`x http://b:1 ${kept}`)
    expect(() => expandPlaceholders(placeholder('A'), { A: '"' })).toThrow('A may not contain quotes')
  })

  test('what cannot be honoured is named', () => {
    expect(read((realm) => Object.assign(realm, { passwordPolicy: 'upperCase(1)' }))).toThrow(
      'unsupported password rule',
    )
  })
})

describe('what the realm promises', () => {
  test('backend is a service account with manage-users and nothing else [I-003]', () => {
    expect(clients.backend).toMatchObject({
      ...{ publicClient: false, serviceAccountsEnabled: true, standardFlowEnabled: false, fullScopeAllowed: false },
      ...{ directAccessGrantsEnabled: false, implicitFlowEnabled: false },
    })
    expect(realm.clientScopeMappings).toEqual({ 'realm-management': [{ client: 'backend', roles: ['manage-users'] }] })
  })

  test('people’s clients are public, need PKCE S256, and go back to exact addresses, or to loopback [I-004]', () => {
    for (const client of people) {
      expect(client).toMatchObject({ publicClient: true, standardFlowEnabled: true, implicitFlowEnabled: false })
      expect(client?.attributes['pkce.code.challenge.method']).toBe('S256')
    }
    expect(clients['jan-client']?.redirectUris?.every((uri) => URL.canParse(uri) && !uri.includes('*'))).toBe(true)
    expect(clients['jan-mcp']?.redirectUris).toEqual(['http://127.0.0.1/*', 'http://localhost/*', 'http://[::1]/*'])
  })

  test('every client has both audiences, and people’s tokens our roles only [I-005]', () => {
    for (const client of Object.values(clients)) {
      const mappers = client.protocolMappers as { config: Record<string, string> }[]
      expect(mappers.flatMap(({ config }) => config['included.custom.audience'] ?? [])).toEqual(['jan', 'jan-client'])
      expect(client.fullScopeAllowed).toBe(false)
    }
    const roles = ['guest', 'user', 'admin']
    expect(realm.scopeMappings).toEqual(['jan-client', 'jan-mcp'].map((client) => ({ client, roles })))
  })

  test('an access token lives 3600 s and a session 30 days, said once [I-006]', () => {
    expect(realm).toMatchObject({
      ...{ accessTokenLifespan: 3600, ssoSessionIdleTimeout: 2_592_000, ssoSessionMaxLifespan: 2_592_000 },
      ...{ revokeRefreshToken: true, refreshTokenMaxReuse: 1 },
    })
    for (const client of people) expect(client?.attributes).not.toHaveProperty(['access.token.lifespan'])
  })

  test('addresses follow the ports, a missing secret is named [I-008]', () => {
    const moved = JSON.parse(
      expandPlaceholders(realmText, { JAN_BACKEND_CLIENT_SECRET: 'x', JAN_GATEWAY_PORT: '8123' }),
    )
    expect(moved.clients[1].redirectUris).toContain('http://127.0.0.1:8123/auth/callback')
    expect(() => expandPlaceholders(realmText, {})).toThrow('JAN_BACKEND_CLIENT_SECRET')
    expect(() => expandPlaceholders(realmText, { JAN_BACKEND_CLIENT_SECRET: '' })).toThrow('JAN_BACKEND_CLIENT_SECRET')
  })

  test('only the service account is a user, nothing of the profile is required, guests are a group [I-009]', () => {
    expect(realm.users.map(({ username }: { username: string }) => username)).toEqual(['service-account-backend'])
    expect(JSON.stringify(realm.components)).not.toContain('\\"required\\"')
    expect(realm.groups).toEqual([{ name: 'guests', path: '/guests', realmRoles: ['guest'] }])
    expect(realm).toMatchObject({ registrationEmailAsUsername: false, bruteForceProtected: true, loginTheme: 'jan' })
    expect(
      existsSync(fileURLToPath(new URL('../../../../keycloak/themes/jan/login/theme.properties', import.meta.url))),
    ).toBe(true)
  })
})

const { resolve } = createRequire(import.meta.url)

/** What the compiler says of a realm file as a value of Keycloak's own types and of what is read here. */
function typeErrors(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'jan-realm-'))
  const file = join(folder, 'realm.mts')
  const definitions = join(dirname(resolve('@keycloak/keycloak-admin-client')), 'defs')
  // The client's types tell of one component and of one value where Keycloak writes lists.
  writeFileSync(
    file,
    `import type Realm from ${JSON.stringify(`${definitions}/realmRepresentation.js`)}
    import type Component from ${JSON.stringify(`${definitions}/componentExportRepresentation.js`)}
    import type { RealmFile } from ${JSON.stringify(fileURLToPath(new URL('./realm-file.ts', import.meta.url)))}
    type Listed = Omit<Component, 'config'> & { config: Record<string, string[]> }
    type File = Omit<Realm, 'components'> & { components: Record<string, Listed[]> }
    const realm = ${text.trim()} satisfies File
    export const read: RealmFile = realm`,
  )
  const tsc = join(dirname(resolve('typescript/package.json')), 'bin/tsc')
  const checks = ['--noEmit', '--allowImportingTsExtensions', '--strict', '--skipLibCheck', '--types', '']
  const args = [tsc, ...checks, '--module', 'nodenext', file]
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder })
  rmSync(folder, { recursive: true })
  return stdout
}

test('the file fits the types of Keycloak’s own client, with no field that they do not know [I-002]', () => {
  expect(typeErrors(realmText)).toBe('')
  expect(typeErrors(realmText.replace('"enabled"', '"enabeld"'))).toContain('enabeld')
})

test('a field that is read here and missing in the file is named [I-001]', () => {
  expect(typeErrors(realmText.replace(/"ssoSessionIdleTimeout".*/, ''))).toContain('ssoSessionIdleTimeout')
})
