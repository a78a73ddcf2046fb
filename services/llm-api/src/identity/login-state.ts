import { createHash } from 'node:crypto'
import type { FieldCipher } from '@jan/service-kit/field-encryption'
import type { LoginStateStore } from './login-state.store.ts'

/** What the callback must know of the login it ends. */
export type LoginState = { verifier: string; redirectUrl: string }

/** A login on its way: all that is known of it travels in the state itself, sealed, so any replica can end it. */
export type LoginStates = {
  seal(state: LoginState): string
  /** Once. @returns undefined for a state that is not ours, was used, or has expired */
  use(sealed: string): Promise<LoginState | undefined>
}

const LIFETIME_MS = 600_000
const PLACE = 'login state'

export function createLoginStates(cipher: FieldCipher, used: LoginStateStore, now: () => Date): LoginStates {
  return {
    seal: (state) => {
      const text = JSON.stringify({ ...state, expiresAt: now().getTime() + LIFETIME_MS })
      return Buffer.from(cipher.encrypt(text, PLACE)).toString('base64url')
    },
    use: async (sealed) => {
      const { expiresAt, ...state } = opened(cipher, sealed) ?? { expiresAt: 0, verifier: '', redirectUrl: '' }
      if (expiresAt <= now().getTime()) return undefined
      // Each login has a verifier of its own; the sealed text can be spelled in several ways.
      const id = createHash('sha256').update(state.verifier).digest('base64url')
      return (await used.take(id, new Date(expiresAt))) ? state : undefined
    },
  }
}

function opened(cipher: FieldCipher, sealed: string): (LoginState & { expiresAt: number }) | undefined {
  try {
    return JSON.parse(cipher.decrypt(Buffer.from(sealed, 'base64url').toString(), PLACE))
  } catch {
    return undefined
  }
}
