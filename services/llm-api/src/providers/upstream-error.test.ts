import { presentOpenAiError } from '@jan/service-kit/errors'
import { expect, test } from '@jest/globals'
import { upstreamRefusal } from './upstream-error.ts'

const refusal = (status: number, body: unknown) =>
  upstreamRefusal({ status, headers: {}, text: typeof body === 'string' ? body : JSON.stringify(body) })

test.each([
  [{ error: { message: 'too long' } }, 'too long'],
  [{ error: 'too long' }, 'too long'],
  [{ message: 'too long', object: 'error' }, 'too long'],
  [{ detail: 'too long' }, 'too long'],
  [{ detail: [{ msg: 'nested' }] }, 'The model provider refused the request (400)'],
  ['<h1>Bad Request</h1>', 'The model provider refused the request (400)'],
  ['', 'The model provider refused the request (400)'],
])('the words of %j', (body, message) => {
  expect(refusal(400, body)).toMatchObject({ code: 'upstream_failed', status: 400, message })
})

test('a code or param that is no text is left out, and words have an end', () => {
  const error = refusal(422, { error: { message: 'x'.repeat(10_000), code: 422, param: null } })
  expect(error.extra).not.toHaveProperty('wireCode')
  expect(error.extra).not.toHaveProperty('param')
  expect(error.message).toHaveLength(2_000)
})

test.each([301, 401, 402, 403, 405, 500, 503])('%i is not the client’s fault: 502 without the words', (status) => {
  const error = refusal(status, { error: { message: 'account 17 of host-3' } })
  expect(error.status).toBe(502)
  expect(error.message).toContain(String(status))
  expect(error.message).not.toContain('account')
})

test('what a provider quotes of a request does not reach the log', () => {
  const error = refusal(400, { error: { message: 'Invalid image: SECRET', type: 'invalid_request_error' } })
  expect([error.message, error.extra.logMessage]).toEqual([
    'Invalid image: SECRET',
    'The model provider refused the request (400)',
  ])
  expect(presentOpenAiError(error, 'r')).toMatchObject({ error: { type: 'invalid_request_error' } })
})
