import { existsSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { PORTS, readLayout } from './layout.ts'
import { describeParts } from './parts.ts'
import { databaseOf, databaseVariableOf, envPrefixOf, SERVICE_NAMES } from './services.ts'

const layout = readLayout({ JAN_PORT_OFFSET: '100' })
const secrets = {
  postgresPassword: 'p',
  identityAdminPassword: 'i',
  backendClientSecret: 'b',
  internalTokenKeys: 'k:x',
  fieldEncryptionKeys: 'k:y',
  mediaUrlSecret: 'm',
}
const parts = describeParts({ layout, secrets, env: {}, databaseUrl: (name) => `postgres://db/${name}` })

test('no two parts share a port, and all stay below the ephemeral ones when they are moved', () => {
  const ports = Object.values(PORTS)
  expect(new Set(ports).size).toBe(ports.length)
  expect(ports.filter((port) => port + 16_000 >= 32_768)).toEqual([])
})

test.each(SERVICE_NAMES)('%s is run with what its entry says', (name) => {
  const part = parts.find((each) => each.name === name)!
  const { database, port } = { database: databaseOf(name), port: String(layout.ports[name]) }
  expect(part.script).toBe(`${layout.root}/services/${name}/src/main.ts`)
  expect(existsSync(part.script)).toBe(true)
  expect(part.env).toMatchObject({
    [`${envPrefixOf(name)}_HTTP_PORT`]: port,
    ...(database ? { [databaseVariableOf(name)]: `postgres://db/${database}` } : {}),
  })
  expect(part.after).toBe(database ? 'databases' : 'nothing')
  expect(existsSync(`${layout.root}/services/${name}/prisma/migrations`)).toBe(database !== undefined)
  const gateway = parts.find((each) => each.name === 'gateway')!
  expect(gateway.env.GATEWAY_HOSTS!.split(',')).toContain(`${name}=${port}`)
})

test('names lead to variables, also where there are several dashes', () => {
  const named = ['media-api', 'my-new-service'].map((name) => [envPrefixOf(name), databaseVariableOf(name)])
  expect(named).toEqual([
    ['MEDIA_API', 'MEDIA_DATABASE_URL'],
    ['MY_NEW_SERVICE', 'MY_NEW_SERVICE_DATABASE_URL'],
  ])
})
