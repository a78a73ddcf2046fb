import { expect, test } from '@jest/globals'
import { loadConfig } from './config.ts'

const least = {
  FIELD_ENCRYPTION_KEYS: `k:${Buffer.alloc(32).toString('base64url')}`,
  BACKEND_CLIENT_SECRET: 'test-secret',
  LLM_DATABASE_URL: 'postgresql://jan:pw@localhost/llm_api',
  INTERNAL_TOKEN_KEYS: `a:${Buffer.alloc(32).toString('base64url')}`,
}

test('starts on a laptop with a database and a key ring', () => {
  expect(loadConfig(least)).toMatchObject({
    http: { host: '127.0.0.1', port: 8080 },
    identity: { baseUrl: 'http://localhost:8085', realm: 'jan', targetClientId: 'jan-client' },
    model: { baseUrl: 'http://localhost:8101/v1', apiKey: undefined, first: undefined },
  })
})

test('reads aliases', () => {
  const { model } = loadConfig({ ...least, MODEL_ALIASES: ' a = b/c , d=e' })
  expect([...model.aliases]).toEqual([
    ['a', 'b/c'],
    ['d', 'e'],
  ])
})

test.each([
  ['MODEL_ALIASES', 'a', "'a' is not alias=model"],
  ['MODEL_ALIASES', 'a=b=c', "'a=b=c' is not alias=model"],
  ['JAN_MODEL_BASE_URL', 'ftp://models', 'expected an http or https URL'],
  ['JAN_MODEL_BASE_URL', 'https://user:pw@models/v1', 'holds a password'],
  ['MODEL_HEAD_TIMEOUT', 'soon', 'expected a duration'],
  ['BACKEND_CLIENT_SECRET', '', 'BACKEND_CLIENT_SECRET'],
])('refuses %s=%s', (name, value, problem) => {
  expect(() => loadConfig({ ...least, [name]: value })).toThrow(problem)
})
