import { freePort } from '@jan/testkit/free-port'
import { describe, expect, test } from '@jest/globals'
import { ProtocolError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client'
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpError } from '@modelcontextprotocol/sdk/types.js'
import {
  callFailure,
  isOutOfReach,
  isSessionLost,
  needsLogin,
  outlineOf,
  reasonOf,
  refusalOf,
  statusOf,
} from './server-errors.ts'

const httpError = (status: number, text = '') =>
  new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, `Error POSTing to endpoint: ${text}`, { status })

describe('what a server fails with', () => {
  test.each([
    ['of today', (code: number) => new ProtocolError(code, 'no')],
    ['of before', (code: number) => new McpError(code, 'no')],
  ])('a JSON-RPC code of the client %s is never an HTTP status [B-036]', (_era, errorOf) => {
    for (const code of [401, 404, 500]) expect(statusOf(errorOf(code))).toBeUndefined()
    expect(needsLogin(errorOf(401))).toBe(false)
    expect(isSessionLost(errorOf(404))).toBe(false)
    expect(refusalOf(errorOf(401))).toMatchObject({ code: 401 })
    expect(callFailure('far', errorOf(404)).message).toContain('far refused the call')
  })

  test('an HTTP status is one, of either client and as a cause [B-036]', () => {
    expect(statusOf(httpError(404))).toBe(404)
    expect(statusOf(new StreamableHTTPError(404, 'gone'))).toBe(404)
    expect(statusOf(new StreamableHTTPError(-1, 'no type'))).toBeUndefined()
    expect(needsLogin(new Error('outer', { cause: httpError(401) }))).toBe(true)
    expect(reasonOf(httpError(503))).toBe('it answered 503')
  })

  test('is no answer when the network fails, whatever the library wraps that in [B-037]', async () => {
    const refused = await fetch(`http://127.0.0.1:${await freePort()}`).catch((error: unknown) => error)
    expect(isOutOfReach(new Error('outer', { cause: refused }))).toBe(true)
    expect(reasonOf(refused)).toBe('it cannot be reached')
  })

  test('is logged without what the server said [B-041]', () => {
    const { cause } = callFailure('far', httpError(500, 'hunter2'))
    expect(cause).toMatchObject({ code: SdkErrorCode.ClientHttpNotImplemented, status: 500 })
    expect(`${(cause as Error).message} ${(cause as Error).stack}`).not.toContain('hunter2')
    expect(outlineOf(Object.assign(new Error('x'), { code: 'hunter2 and more' })).message).not.toContain('hunter2')
  })
})
