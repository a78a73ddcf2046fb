import { createHash, timingSafeEqual } from 'node:crypto'
import express, { type Request, type RequestHandler, type Response, type Router } from 'express'
import type { Deps } from './deps.ts'
import { type Form, findRefreshToken, GRANTS } from './grants.ts'
import { HttpError, oauthError } from './http-error.ts'
import type { RealmClient } from './realm-file.ts'
import { addRoute, notFound } from './routes.ts'
import { checkAccessToken, personClaims } from './tokens.ts'

export const readForm = express.urlencoded({ extended: false, limit: '64kb' })

/** What clients of the realm call, below `/realms/jan`. */
export function createOpenidRoutes(deps: Deps): Router {
  const library = deps.provider.callback()
  const byLibrary: RequestHandler = (req, res) => {
    // The library builds addresses from the Host header; the realm's address is fixed.
    req.headers.host = new URL(deps.baseUrl).host
    res.set('Cache-Control', 'no-cache')
    return library(req, res)
  }
  const endpoint = '/protocol/openid-connect'
  const router = express.Router()
  router.use(readForm)
  addRoute(router, '/', { get: (_, res) => void res.json(presentRealm(deps)) })
  addRoute(router, '/.well-known/openid-configuration', { get: byLibrary, options: byLibrary })
  addRoute(router, `${endpoint}/certs`, { get: byLibrary, options: byLibrary })
  addRoute(router, `${endpoint}/token`, { post: (req, res) => token(deps, req, res), options: preflight })
  addRoute(router, `${endpoint}/logout`, { post: (req, res) => logout(deps, req, res), options: preflight })
  addRoute(router, `${endpoint}/revoke`, { post: (req, res) => revoke(deps, req, res), options: preflight })
  const info: RequestHandler = (req, res) => userinfo(deps, req, res)
  addRoute(router, `${endpoint}/userinfo`, { get: info, post: info, options: preflight })
  return router.use(notFound)
}

function presentRealm({ realm, signer, issuer }: Deps) {
  return {
    realm: realm.name,
    public_key: signer.publicKey,
    'token-service': `${issuer}/protocol/openid-connect`,
    'account-service': `${issuer}/account`,
    'tokens-not-before': 0,
  }
}

async function token(deps: Deps, req: Request, res: Response): Promise<void> {
  const form = formOf(req)
  if (!form.grant_type) throw oauthError(400, 'invalid_request', 'Missing form parameter: grant_type')
  const grant = GRANTS.get(form.grant_type)
  if (!grant) throw oauthError(400, 'unsupported_grant_type', 'Unsupported grant_type')
  const client = authenticateClient(deps, req, form)
  admitOrigin(client, req, res)
  res.set({ 'Cache-Control': 'no-store', Pragma: 'no-cache' }).json(await grant(deps, client, form))
}

async function logout(deps: Deps, req: Request, res: Response): Promise<void> {
  const form = formOf(req)
  const client = authenticateClient(deps, req, form)
  admitOrigin(client, req, res)
  if (!form.refresh_token) throw oauthError(400, 'invalid_request', 'No refresh token')
  const { sid } = await findRefreshToken(deps, client, form.refresh_token)
  await deps.sessions.end(sid)
  res.status(204).end()
}

async function revoke(deps: Deps, req: Request, res: Response): Promise<void> {
  const form = formOf(req)
  const client = authenticateClient(deps, req, form)
  admitOrigin(client, req, res)
  if (!form.token) throw oauthError(400, 'invalid_request', 'Token not provided')
  const known =
    (await revokeRefreshToken(deps, client, form.token)) || (await revokeAccessToken(deps, client, form.token))
  if (known) res.status(200).end()
  else res.status(200).json({ error: 'invalid_token', error_description: 'Invalid token' })
}

const otherClients = () => oauthError(400, 'invalid_request', 'Unmatching clients')

async function revokeRefreshToken({ provider, sessions }: Deps, client: RealmClient, value: string): Promise<boolean> {
  const refreshToken = await provider.RefreshToken.find(value)
  if (!refreshToken?.sid) return false
  if (refreshToken.clientId !== client.clientId) throw otherClients()
  return (await sessions.end(refreshToken.sid)).rowCount === 1
}

async function revokeAccessToken(deps: Deps, client: RealmClient, value: string): Promise<boolean> {
  const bearer = await checkAccessToken(deps, value)
  if ('refusal' in bearer) return false
  if (bearer.claims.azp !== client.clientId) throw otherClients()
  await deps.sessions.revokeAccessToken(String(bearer.claims.jti), Number(bearer.claims.exp))
  return true
}

/** Answers from today's data, not from the token's. Errors are a header and no body. */
async function userinfo(deps: Deps, req: Request, res: Response): Promise<void> {
  const refuse = (status: number, details = '') =>
    new HttpError(status, undefined, { 'WWW-Authenticate': `Bearer realm="${deps.realm.name}"${details}` })
  const value = bearerOf(req)
  if (!value) throw refuse(401)
  const bearer = await checkAccessToken(deps, value)
  if ('refusal' in bearer) throw refuse(401, `, error="invalid_token", error_description="${bearer.refusal}"`)
  const client = deps.realm.clients.find(({ clientId }) => clientId === bearer.claims.azp)
  if (!client) throw refuse(401, ', error="invalid_token", error_description="Client not found"')
  admitOrigin(client, req, res)
  if (!String(bearer.claims.scope).split(' ').includes('openid')) {
    throw refuse(403, ', error="insufficient_scope", error_description="Missing openid scope"')
  }
  res.json({ sub: bearer.user.id, ...personClaims(client, bearer.user) })
}

/** @returns the bearer token of the Authorization header, if there is one */
export const bearerOf = (req: Request): string | undefined =>
  /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1]

export function formOf(req: Request): Form {
  const form = Object.entries((req.body ?? {}) as Record<string, string | string[]>)
  if (form.some(([, value]) => Array.isArray(value))) throw oauthError(400, 'invalid_request', 'duplicated parameter')
  return Object.fromEntries(form) as Form
}

/** Client id and secret from the form or from Basic, the form first. A public client's stray secret is ignored. */
function authenticateClient({ realm }: Deps, req: Request, form: Form): RealmClient {
  const refuse = (error: string) => oauthError(401, error, 'Invalid client or Invalid client credentials')
  const basic = /^Basic +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1]
  const [, basicId, basicSecret] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic ?? '', 'base64').toString()) ?? []
  const id = form.client_id ?? basicId
  const client = realm.clients.find((candidate) => candidate.clientId === id && candidate.enabled)
  if (!client) throw refuse('invalid_client')
  if (!client.publicClient && !sameText(form.client_secret ?? basicSecret ?? '', client.secret ?? ''))
    throw refuse('unauthorized_client')
  return client
}

/** Compares without telling by its time how much is right. */
export function sameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

function admitOrigin(client: RealmClient, req: Request, res: Response): void {
  const origin = req.get('origin')
  if (!origin) return
  if (!client.webOrigins.includes(origin)) throw new HttpError(403, { error: 'Invalid origin' })
  res.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true', Vary: 'Origin' })
}

/** A preflight names no client yet; the request after it is judged by `admitOrigin`. */
const preflight: RequestHandler = (req, res) => {
  const origin = req.get('origin')
  if (origin) {
    res.set({
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Allow-Methods': 'POST, OPTIONS',
      'Access-Control-Allow-Headers': 'Origin, Accept, X-Requested-With, Content-Type, Authorization',
      Vary: 'Origin',
    })
  }
  res.status(200).end()
}
