import type { Secret } from '@jan/service-kit/config'
import { AppError, unavailable } from '@jan/service-kit/errors'
import { tryParseJson } from '@jan/service-kit/json-body'
import { type Dispatcher, Pool } from 'undici'
import { z } from 'zod'

export type IdentityOptions = {
  baseUrl: string
  realm: string
  backendClientId: string
  backendClientSecret: Secret
  targetClientId: string
  now: () => Date
}

export type Guest = { username: string; password: string }

export type TokenSet = { accessToken: string; refreshToken: string; expiresIn: number }

/** The identity provider: Keycloak, or anything that answers at its paths. @throws AppError `unavailable` when away, `upstream_failed` when it refuses us */
export type IdentityClient = {
  /** Creates a user of the group of guests. @returns its id */
  createGuest(guest: Guest): Promise<string>
  deleteUser(id: string): Promise<void>
  logIn(username: string, password: string): Promise<TokenSet>
  /** Undefined when the provider does not accept the token. */
  refresh(refreshToken: string): Promise<TokenSet | undefined>
  check(): Promise<void>
  close(): Promise<void>
}

const TIMEOUT_MS = 10_000
/** A cached token is renewed this long before it ends, so that none ends on its way. */
const RENEW_BEFORE_MS = 30_000

const TokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })
const SessionAnswer = TokenAnswer.extend({ refresh_token: z.string() })

type Answer = { status: number; headers: Dispatcher.ResponseData['headers']; text: string }

export function createIdentityClient(options: IdentityOptions): IdentityClient {
  const base = new URL(options.baseUrl)
  const prefix = base.pathname.replace(/\/+$/, '')
  const realmPath = `${prefix}/realms/${encodeURIComponent(options.realm)}`
  const tokenPath = `${realmPath}/protocol/openid-connect/token`
  const usersPath = `${prefix}/admin/realms/${encodeURIComponent(options.realm)}/users`
  const pool = new Pool(base.origin, {
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })

  const send = async (request: Omit<Dispatcher.RequestOptions, 'origin'>): Promise<Answer> => {
    const answer = await pool
      .request(request)
      .then(async ({ statusCode, headers, body }) => ({ status: statusCode, headers, text: await body.text() }))
      .catch((error: unknown) => {
        throw unavailable('The identity provider is not reachable right now', error)
      })
    if (AWAY.has(answer.status)) throw unavailable('The identity provider is not ready right now', refusedWith(answer))
    return answer
  }

  const askForTokens = (form: Record<string, string>) =>
    send({
      method: 'POST',
      path: tokenPath,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams(form).toString(),
    })

  const backendToken = cachedToken(options.now, async () => {
    const answer = await askForTokens({
      grant_type: 'client_credentials',
      client_id: options.backendClientId,
      client_secret: options.backendClientSecret.reveal(),
    })
    const { access_token: token, expires_in: seconds } = parsed(TokenAnswer, answer)
    return { token, until: options.now().getTime() + seconds * 1000 - RENEW_BEFORE_MS }
  })

  const administer = async (method: 'POST' | 'DELETE', path: string, json?: unknown): Promise<Answer> => {
    const once = async () =>
      send({
        method,
        path,
        headers: { authorization: `Bearer ${await backendToken.get()}`, 'content-type': 'application/json' },
        body: json === undefined ? null : JSON.stringify(json),
      })
    const answer = await once()
    if (answer.status !== 401) return answer
    // The provider has forgotten our token, e.g. after a restart with new keys: nothing was done, so ask again.
    backendToken.forget()
    return once()
  }

  return {
    createGuest: async ({ username, password }) => {
      const answer = await administer('POST', usersPath, {
        username,
        enabled: true,
        attributes: { guest: ['true'] },
        groups: ['/guests'],
        credentials: [{ type: 'password', value: password, temporary: false }],
      })
      const id = String(answer.headers.location ?? '').match(/\/([^/]+)$/)?.[1]
      if (answer.status !== 201 || !id) throw refused(answer)
      return decodeURIComponent(id)
    },
    deleteUser: async (id) => {
      const answer = await administer('DELETE', `${usersPath}/${encodeURIComponent(id)}`)
      if (answer.status !== 204 && answer.status !== 404) throw refused(answer)
    },
    logIn: async (username, password) => {
      const answer = await askForTokens({
        grant_type: 'password',
        client_id: options.targetClientId,
        scope: 'openid profile email',
        username,
        password,
      })
      return tokenSetFrom(answer)
    },
    refresh: async (refreshToken) => {
      const answer = await askForTokens({
        grant_type: 'refresh_token',
        client_id: options.targetClientId,
        refresh_token: refreshToken,
      })
      return errorNameIn(answer.text) === 'invalid_grant' ? undefined : tokenSetFrom(answer)
    },
    check: async () => {
      const answer = await send({ method: 'GET', path: `${realmPath}/.well-known/openid-configuration` })
      if (answer.status !== 200) throw refusedWith(answer)
    },
    close: () => pool.destroy(),
  }
}

/** One token for all, fetched by the first who needs it while the others wait. */
function cachedToken(now: () => Date, fetchToken: () => Promise<{ token: string; until: number }>) {
  let current: { token: string; until: number } | undefined
  let underWay: Promise<string> | undefined
  const renew = async () => {
    current = await fetchToken()
    return current.token
  }
  return {
    get: async (): Promise<string> => {
      if (current && current.until > now().getTime()) return current.token
      underWay ??= renew().finally(() => {
        underWay = undefined
      })
      return underWay
    },
    forget: () => {
      current = undefined
    },
  }
}

function tokenSetFrom(answer: Answer): TokenSet {
  const { access_token, refresh_token, expires_in } = parsed(SessionAnswer, answer)
  return { accessToken: access_token, refreshToken: refresh_token, expiresIn: expires_in }
}

function parsed<T extends z.ZodType>(schema: T, answer: Answer): z.output<T> {
  if (answer.status !== 200) throw refused(answer)
  const result = schema.safeParse(tryParseJson(answer.text))
  if (!result.success) throw refused(answer)
  return result.data
}

/** A gateway before the provider, or the provider while it starts. */
const AWAY = new Set([502, 503, 504])

const refused = (answer: Answer) =>
  new AppError('upstream_failed', 'The identity provider refused the request', { cause: refusedWith(answer) })

/** For our log. Only the error's name: the rest of the answer may hold credentials. */
const refusedWith = (answer: Answer) =>
  new Error(`the identity provider answered ${answer.status} ${errorNameIn(answer.text) ?? ''}`.trim())

function errorNameIn(text: string): string | undefined {
  const { error } = (tryParseJson(text) ?? {}) as { error?: unknown }
  return typeof error === 'string' ? error : undefined
}
