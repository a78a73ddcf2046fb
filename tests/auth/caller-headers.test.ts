import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type FourServices, openServices, type Reply } from './four-services.ts'

let services: FourServices
beforeAll(async () => {
  services = await openServices()
}, 60_000)
afterAll(() => services?.close())

const named = ({ headers }: Reply) => [headers.get('x-principal-id'), headers.get('x-auth-method')]

test('every answer to a caller names them, whatever the answer is [I-033]', async () => {
  const bearer = { authorization: `Bearer ${await services.token()}` }
  for (const { service, knock } of services.doors) {
    const answer = await knock(bearer)
    expect([service, answer.status, ...named(answer)]).toEqual([service, answer.status, 'ann', 'jwt'])
    for (const header of ['x-user-id', 'x-user-subject']) expect(answer.headers.get(header)).toBe('ann')
    const stranger = await knock({ ...bearer, authorization: 'Bearer x' })
    expect([stranger.status, ...named(stranger)]).toEqual([401, null, null])
  }
})

test('a subject that no header can hold is encoded, and a service is named as one [I-033]', async () => {
  for (const { service, knock } of services.doors) {
    const odd = await knock({ authorization: `Bearer ${await services.token({ sub: 'ännie \u{1f600}' })}` })
    expect(named(odd)).toEqual([encodeURIComponent('ännie \u{1f600}'), 'jwt'])
    const tokens = createInternalTokens('response-api', parseInternalKeys(services.internalKeys))
    const peer = await knock({
      authorization: `Bearer ${await tokens.mint(service, { kind: 'service', service: 'response-api' })}`,
    })
    expect(named(peer)).toEqual(['response-api', 'service'])
  }
})
