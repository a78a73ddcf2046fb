import { tryParseJson } from '@jan/service-kit/json-body'
import { z } from 'zod'
import { errorNameIn, type ProviderAnswer, type ProviderHttp, parsed, refused, requireStatus } from './provider-http.ts'

/** `expiresIn` in seconds. */
export type TokenSet = { accessToken: string; refreshToken: string; expiresIn: number }

export type CodeExchange = { code: string; verifier: string; redirectUri: string }

/** What people's sessions need of the identity provider. Refresh tokens are opaque: nothing here reads one. */
export type SessionsClient = {
  logIn(username: string, password: string): Promise<TokenSet>
  /** Undefined when the provider does not accept the token. */
  refresh(refreshToken: string): Promise<TokenSet | undefined>
  /** Undefined when the provider does not accept the code, for this verifier and redirect. */
  exchangeCode(exchange: CodeExchange): Promise<TokenSet | undefined>
  /** Ends the session of a refresh token. @returns whether it was one; one that is over already is as good */
  endSession(refreshToken: string): Promise<boolean>
  /** What the provider says of the person today; undefined when it does not accept the token. */
  userInfo(accessToken: string): Promise<Record<string, unknown> | undefined>
}

export type SessionsOptions = { realmPath: string; clientId: string }

const Tokens = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string(),
  expires_in: z.number().positive(),
})

export function createSessionsClient(http: ProviderHttp, { realmPath, clientId }: SessionsOptions): SessionsClient {
  const endpoint = (name: string) => `${realmPath}/protocol/openid-connect/${name}`
  const askForTokens = (form: Record<string, string>) => http.post(endpoint('token'), { client_id: clientId, ...form })
  const tokensIn = (answer: ProviderAnswer): TokenSet => {
    const { access_token, refresh_token, expires_in } = parsed(Tokens, answer)
    return { accessToken: access_token, refreshToken: refresh_token, expiresIn: expires_in }
  }
  const tokensUnlessRefused = (answer: ProviderAnswer) =>
    errorNameIn(answer.text) === 'invalid_grant' ? undefined : tokensIn(answer)

  return {
    logIn: async (username, password) =>
      tokensIn(await askForTokens({ grant_type: 'password', scope: 'openid profile email', username, password })),
    refresh: async (refreshToken) =>
      tokensUnlessRefused(await askForTokens({ grant_type: 'refresh_token', refresh_token: refreshToken })),
    exchangeCode: async ({ code, verifier, redirectUri }) =>
      tokensUnlessRefused(
        await askForTokens({
          grant_type: 'authorization_code',
          code,
          code_verifier: verifier,
          redirect_uri: redirectUri,
        }),
      ),
    endSession: async (refreshToken) => {
      const answer = await http.post(endpoint('logout'), { client_id: clientId, refresh_token: refreshToken })
      if (errorNameIn(answer.text) === 'invalid_grant') return false
      requireStatus(answer, 200, 204)
      return true
    },
    userInfo: async (accessToken) => {
      const answer = await http.send({
        method: 'GET',
        path: endpoint('userinfo'),
        headers: { authorization: `Bearer ${accessToken}` },
      })
      if (answer.status === 401 || answer.status === 403) return undefined
      const info = answer.status === 200 ? tryParseJson(answer.text) : undefined
      if (typeof info !== 'object' || info === null) throw refused(answer)
      return info as Record<string, unknown>
    },
  }
}
