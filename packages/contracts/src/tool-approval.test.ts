import { expect, test } from '@jest/globals'
import { callHashOf, canonicalJson } from './tool-approval.ts'

test('the same call has the same hash, however its arguments are ordered [B-045]', () => {
  const hash = callHashOf('remove', { path: '/a', deep: [{ b: 1, a: null }], note: undefined })
  expect(hash).toMatch(/^[0-9a-f]{64}$/)
  expect(callHashOf('remove', { deep: [{ a: null, b: 1 }], path: '/a' })).toBe(hash)
})

test('another name, value, type or order in a list is another call [B-045]', () => {
  const calls: [string, unknown][] = [
    ['remove', { path: '/a' }],
    ['remove', { path: '/b' }],
    ['Remove', { path: '/a' }],
    ['remove', { path: ['/a'] }],
    ['remove', { path: ['/a', '/b'] }],
    ['remove', { path: ['/b', '/a'] }],
    ['remove', { path: 1 }],
    ['remove', { path: '1' }],
    ['remove', { path: '/a', force: false }],
    ['remove', {}],
  ]
  expect(new Set(calls.map(([name, args]) => callHashOf(name, args))).size).toBe(calls.length)
})

test('canonical JSON is JSON, also of keys that need escapes [B-045]', () => {
  const value = JSON.parse('{"b\\"":[1,2.50,true,null,{}],"a\\n":"é\\u202e","__proto__":{"x":1}}')
  expect(canonicalJson(value)).toBe('{"__proto__":{"x":1},"a\\n":"é\u202e","b\\"":[1,2.5,true,null,{}]}')
  expect(JSON.parse(canonicalJson(value))).toEqual(value)
})
