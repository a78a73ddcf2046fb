import { describe, expect, test } from '@jest/globals'
import { normalisePath, splitTarget } from './routing.ts'

/** What is hard to send over HTTP; tests/gateway asks the gateway for the rest. */
describe('targets [H-73]', () => {
  test.each([
    ['/v1/x/..', '/v1/'],
    ['/v1/.', '/v1/'],
    ['/x/..', '/'],
    ['/%c3%a9', '/%C3%A9'],
    ['/\u00c3\u00a9"', '/%C3%A9%22'],
    ['/%25zz', '/%25zz'],
    ['/v1/...', '/v1/...'],
  ])('%s becomes %s', (sent, forwarded) => {
    expect(normalisePath(sent)).toBe(forwarded)
  })

  test.each(['/v1/%2', '/v1/%', '*', ''])('%p is refused', (sent) => {
    expect(normalisePath(sent)).toBeUndefined()
  })

  test('a target is split without touching the query', () => {
    expect(splitTarget('/a?x=1&x=2?%zz')).toEqual({ authority: undefined, path: '/a', query: '?x=1&x=2?%zz' })
    expect(splitTarget('/a?')).toEqual({ authority: undefined, path: '/a', query: '?' })
    expect(splitTarget('http://other:1/v1/x')).toEqual({ authority: 'other:1', path: '/v1/x', query: '' })
    expect(splitTarget('http://other?q')).toEqual({ authority: 'other', path: '/', query: '?q' })
  })
})
