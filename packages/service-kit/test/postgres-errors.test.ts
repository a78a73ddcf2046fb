import { expect, test } from '@jest/globals'
import { toAppError } from '../src/errors.ts'

test('a database that is away, or has no connection or transaction to give in time, is 503 and not our fault', () => {
  for (const code of ['57P01', '53300', 'P2024', 'P2028', 'ECONNREFUSED'])
    expect([code, toAppError(Object.assign(new Error('x'), { code })).status]).toEqual([code, 503])
  for (const code of ['42P01', 'P2002', '23505'])
    expect([code, toAppError(Object.assign(new Error('x'), { code })).status]).toEqual([code, 500])
})
