import { bearerChallenge, type Person, unauthenticated } from '@jan/service-kit/auth'
import { enforceAddressLimit } from '@jan/service-kit/rate-limit-headers'
import type { Deps } from '../deps.ts'

/**
 * Whose key this is, for anybody who has it.
 * @throws AppError `rate_limited` for an address that asks too often, `unauthenticated` for a key that is not good
 */
export async function validateKey(
  deps: Pick<Deps, 'keys' | 'apiKeys'>,
  { key, address }: { key: string; address: string },
): Promise<Person> {
  enforceAddressLimit(deps.keys.validations, address, 'API keys')
  const holder = await deps.apiKeys.holderOf(key)
  if (!holder) throw unauthenticated('invalid api key', bearerChallenge('The API key is not valid'))
  return holder
}
