import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createTestDatabase } from '@jan/testkit/postgres'
import { describe, expect, test } from '@jest/globals'
import { decodeProtectedHeader } from 'jose'
import { startFlow } from './code-flow.fixture.ts'
import { call, PASSWORD, REALM_FILE, SECRET, startIdentity } from './identity.fixture.ts'
import { createIdentityProvider } from './identity.ts'

const options = {
  realmFile: REALM_FILE,
  baseUrl: 'http://localhost:8085',
  database: 'postgresql://127.0.0.1:1/none',
  secrets: { JAN_BACKEND_CLIENT_SECRET: SECRET },
  masterAdmin: { username: 'admin', password: 'x' },
  production: false,
}

describe('a restart', () => {
  test('keeps users with hashed passwords, keys, sessions, refresh tokens and the realm as first imported [H-69 I-001 I-016]', async () => {
    const before = await startIdentity()
    const id = await before.createUser({ username: 'lasting', groups: ['/guests'] })
    const { body } = await before.login('lasting', { scope: 'openid' })
    const [row] = await before.database.query(`SELECT payload FROM identity_record WHERE model = 'User' AND id = $1`, [
      id,
    ])
    expect((row?.payload as { passwordHash?: string } | undefined)?.passwordHash).toMatch(/^scrypt\$16\$/)
    expect(JSON.stringify(row)).not.toContain(PASSWORD)
    const certs = (await call(`${before.openid}/certs`)).text
    await before.stop()

    const folder = mkdtempSync(join(tmpdir(), 'jan-realm-'))
    const realmFile = join(folder, 'realm.json')
    const realm = JSON.parse(readFileSync(REALM_FILE, 'utf8'))
    writeFileSync(realmFile, JSON.stringify({ ...realm, refreshTokenMaxReuse: 9 }))
    const after = await startIdentity({ database: before.database, realmFile })
    try {
      expect((await call(`${after.openid}/certs`)).text).toBe(certs)
      expect(await after.verify(body.access_token)).toMatchObject({ sub: id })
      expect((await after.userinfo(body.access_token)).status).toBe(200)
      expect((await after.login('lasting')).status).toBe(200)
      expect((await after.admin('/users/count')).body).toBe(1)
      const uses = [1, 2, 3].map(async () => (await after.refresh(body.refresh_token)).status)
      expect((await Promise.all(uses)).sort()).toEqual([200, 200, 400])
    } finally {
      await after.end()
      rmSync(folder, { recursive: true })
    }
  })

  test('a signing key is followed by a new one after a year, and stays listed and good [I-016]', async () => {
    const before = await startIdentity()
    await before.createUser({ username: 'rotated' })
    const { body } = await before.login('rotated', { scope: 'openid' })
    await before.stop()
    await before.database.query(
      `UPDATE identity_record SET payload = payload || '{"made": "2020-01-01T00:00:00.000Z"}' WHERE model = 'Key'`,
    )
    const after = await startIdentity({ database: before.database })
    const next = (await after.login('rotated')).body
    const [old, fresh] = [body, next].map(({ access_token }) => decodeProtectedHeader(access_token).kid)
    expect(fresh).not.toBe(old)
    expect((await call(`${after.openid}/certs`)).body.keys).toHaveLength(4)
    expect((await after.verify(body.access_token)).sub).toBe((await after.verify(next.access_token)).sub)
    expect((await after.userinfo(body.access_token)).status).toBe(200)
    await after.end()
  })

  test('two that start at once on an empty database share one realm', async () => {
    const database = await createTestDatabase()
    const [one, two] = await Promise.all([startIdentity({ database }), startIdentity({ database })])
    try {
      await one.createUser({ username: 'shared' })
      const { body } = await two.login('shared')
      expect(await one.verify(body.access_token)).toMatchObject({ preferred_username: 'shared' })
    } finally {
      await two.stop()
      await one.end()
    }
  })
})

describe('it refuses to start', () => {
  test('in production [H-71]', async () => {
    await expect(createIdentityProvider({ ...options, production: true })).rejects.toThrow('development only')
  })

  test('without a secret that the realm file names [I-008]', async () => {
    await expect(createIdentityProvider({ ...options, secrets: {} })).rejects.toThrow('JAN_BACKEND_CLIENT_SECRET')
  })

  test('without its database', async () => {
    await expect(createIdentityProvider(options)).rejects.toThrow('ECONNREFUSED')
  })
})

test('it cannot be reached beyond loopback [H-71]', async () => {
  const database = await createTestDatabase()
  const provider = await createIdentityProvider({ ...options, database: database.url, hashCost: 16 })
  const { port } = await provider.listen(0)
  const reach = (address: string) => fetch(`http://${address}:${port}/healthz`).then(({ status }) => status)
  expect(await reach('127.0.0.1')).toBe(200)
  const others = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  for (const { address } of others.filter(({ internal, family }) => !internal && family === 'IPv4'))
    await expect(reach(address)).rejects.toThrow('fetch failed')
  await provider.close()
  await database.drop()
})

describe('as a process', () => {
  const start = (env: Record<string, string>): ChildProcess =>
    spawn(process.execPath, ['--no-warnings', fileURLToPath(new URL('./main.ts', import.meta.url))], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const exit = (child: ChildProcess) => new Promise((done) => child.once('exit', done))
  const firstLine = async (child: ChildProcess): Promise<Record<string, unknown>> => {
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) return JSON.parse(line)
    throw new Error('The process ended without a word')
  }

  test('says when it is ready, tells its health, knows what was added for MCP clients, and stops cleanly', async () => {
    const database = await createTestDatabase()
    const child = start({
      IDENTITY_PORT: '0',
      IDENTITY_BASE_URL: 'http://localhost:8085',
      IDENTITY_DATABASE_URL: database.url,
      IDENTITY_REALM_FILE: REALM_FILE,
      IDENTITY_ADMIN_PASSWORD: 'x',
      JAN_BACKEND_CLIENT_SECRET: SECRET,
      MCP_REDIRECT_URIS: 'cursor://an.app/callback, https://mcp.example/callback',
    })
    const ended = exit(child)
    const line = await firstLine(child)
    expect(line).toMatchObject({ message: 'ready', issuer: 'http://localhost:8085/realms/jan' })
    expect(await call(`http://127.0.0.1:${line.port}/healthz`)).toMatchObject({ status: 200, body: { status: 'ok' } })
    for (const redirect_uri of ['cursor://an.app/callback', 'https://mcp.example/callback']) {
      const { pathname, search } = new URL(startFlow({ client_id: 'jan-mcp', redirect_uri }).url)
      expect(await call(`http://127.0.0.1:${line.port}${pathname}${search}`)).toMatchObject({ status: 200 })
    }
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    await database.drop()
  })

  test.each([
    'http://mcp.example/callback',
    'https://*.example/callback',
    'https://mcp.example/callback#here',
    'javascript:alert(1)',
    '/callback',
  ])('does not start with %s as an address of MCP clients [I-004]', async (address) => {
    const child = start({
      ...{ IDENTITY_BASE_URL: 'http://localhost:8085', IDENTITY_REALM_FILE: REALM_FILE, IDENTITY_PORT: '0' },
      ...{ IDENTITY_DATABASE_URL: options.database, IDENTITY_ADMIN_PASSWORD: 'x', JAN_BACKEND_CLIENT_SECRET: SECRET },
      MCP_REDIRECT_URIS: `cursor://an.app/callback, ${address}`,
    })
    const ended = exit(child)
    expect(await firstLine(child)).toEqual({ level: 'fatal', message: expect.stringContaining(`not '${address}'`) })
    expect(await ended).toBe(1)
  })

  test('says in one line what is missing', async () => {
    const child = start({ IDENTITY_BASE_URL: 'http://localhost:8085' })
    const ended = exit(child)
    expect(await firstLine(child)).toEqual({ level: 'fatal', message: 'IDENTITY_REALM_FILE is not set' })
    expect(await ended).toBe(1)
  })
})
