import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { at, guestToken, post, shared } from '../platform.ts'

const CLI = fileURLToPath(new URL('../../packages/embedded/src/cli.ts', import.meta.url))

export type Account = { email: string; password: string; token: string }

/** A guest who has signed up. */
export async function newUser(): Promise<Account> {
  const account = newAccount()
  const upgraded = await post(at('gateway', '/auth/upgrade'), account, await guestToken())
  if (upgraded.status !== 200) throw new Error(`Signing up was answered with ${upgraded.status}`)
  return { ...account, token: await logIn(account) }
}

/** As an operator makes one. */
export async function newAdmin(): Promise<Account> {
  const account = newAccount()
  const platform = { JAN_PORT_OFFSET: String(shared.offset), JAN_STATE_DIR: shared.stateDir }
  const variables = { EMAIL: account.email, PASSWORD: account.password, ROLE: 'admin', JSON: '1' }
  await promisify(execFile)(process.execPath, [CLI, 'user'], { env: { ...process.env, ...platform, ...variables } })
  return { ...account, token: await logIn(account) }
}

const newAccount = () => ({ email: `${randomUUID()}@example.test`, password: `Pw-${randomUUID()}` })

/** A token for somebody, without a browser. */
async function logIn({ email, password }: Pick<Account, 'email' | 'password'>): Promise<string> {
  const answer = await fetch(at('identity', '/realms/jan/protocol/openid-connect/token'), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'jan-client',
      scope: 'openid profile email',
      username: email,
      password,
    }),
  })
  return ((await answer.json()) as { access_token: string }).access_token
}
