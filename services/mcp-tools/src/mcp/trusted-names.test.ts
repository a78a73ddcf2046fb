import { describe, expect, test } from '@jest/globals'
import { buildTrustedNames, requireTrustedNames } from './trusted-names.ts'

const trusted = buildTrustedNames({
  publicUrl: 'https://jan.example:8443/base',
  hosts: ['mcp-tools.jan.svc'],
  origins: ['https://app.example'],
})
const check = (host: string | undefined, origin?: string) => () => requireTrustedNames(trusted, { host, origin })

describe('the names a caller uses', () => {
  test.each([
    ['localhost:8091'],
    ['127.0.0.1'],
    ['127.8.9.1:80'],
    ['[::1]:8091'],
    ['jan.example'],
    ['mcp-tools:8091'],
    ['mcp-tools.jan.svc'],
  ])('Host %s is ours', (host) => expect(check(host)).not.toThrow())

  test.each([
    [undefined],
    [''],
    ['evil.test'],
    ['localhost.evil.test'],
    ['127.0.0.1.evil.test'],
    ['a b'],
    ['10.0.0.1'],
  ])('Host %s is foreign', (host) => expect(check(host)).toThrow(expect.objectContaining({ code: 'forbidden' })))

  test.each([['https://jan.example:8443'], ['https://app.example'], ['http://localhost:1234'], ['http://[::1]']])(
    'Origin %s may call',
    (origin) => expect(check('localhost', origin)).not.toThrow(),
  )

  test.each([
    ['null'],
    [''],
    ['http://app.example'],
    ['https://jan.example'],
    ['https://evil.test'],
    ['http://127.0.0.1@evil.test'],
  ])('Origin %s may not', (origin) =>
    expect(check('localhost', origin)).toThrow(expect.objectContaining({ code: 'forbidden' })),
  )
})
