import type { Person } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import { type SentToken, sentToken } from './sent-token.ts'

/**
 * Ends the session at the provider: that of the refresh token or of the access token that was sent. Without one there is
 * nothing to end.
 * @returns whose session ended, as far as that is known: refresh tokens are opaque; undefined when none did
 */
export async function logOut(
  deps: Pick<Deps, 'identity' | 'authenticate'>,
  sent: SentToken,
): Promise<{ actor?: string } | undefined> {
  const person = sent.sent ? undefined : await personOf(deps, sent.authorization)
  if (person?.sessionId) {
    await deps.identity.users.endSession(person.sessionId)
    return { actor: person.subject }
  }
  const token = sentToken(sent)
  return token && (await deps.identity.sessions.endSession(token)) ? {} : undefined
}

/** Of an access token; what is none may be a refresh token. */
async function personOf(
  { authenticate }: Pick<Deps, 'authenticate'>,
  authorization: string | undefined,
): Promise<Person | undefined> {
  try {
    const caller = await authenticate({ authorization })
    return caller?.kind === 'service' ? undefined : caller
  } catch (error) {
    if (error instanceof AppError && error.code === 'unauthenticated') return undefined
    throw error
  }
}
