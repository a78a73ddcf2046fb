import express, { type Request, type RequestHandler, type Router } from 'express'
import type { Deps } from './deps.ts'
import { addRoute, notFound, oauthError } from './http-error.ts'
import { createLoginForm } from './login-form.ts'
import { clientOf, ENDPOINT } from './provider.ts'

export const readForm: RequestHandler[] = [
  express.urlencoded({ extended: false, limit: '56kb' }),
  (req, _, next) => {
    req.body ??= {}
    if (Object.values(req.body).some(Array.isArray)) throw oauthError(400, 'invalid_request', 'duplicated parameter')
    next()
  },
]

/** What clients of the realm call, below `/realms/jan`. The library serves it; before, requests are put as it wants them. */
export function createOpenidRoutes(deps: Deps): Router {
  const { realm, signer, issuer } = deps
  const library = deps.provider.callback()
  const byLibrary: RequestHandler = (req, res) => {
    // The library builds addresses from the Host header; the realm's address is fixed.
    req.headers.host = new URL(deps.baseUrl).host
    return library(req, res)
  }
  const router = express.Router()
  router.use(readForm)
  const route = (path: string, get?: RequestHandler[], post?: RequestHandler[]) =>
    addRoute(router, path, {
      ...(get ? { get: [...get, byLibrary] } : {}),
      ...(post ? { post: [...post, byLibrary] } : {}),
      options: byLibrary,
    })
  const answer = { realm: realm.name, public_key: signer.publicKey, 'tokens-not-before': 0 }
  const services = { 'token-service': `${issuer}${ENDPOINT}`, 'account-service': `${issuer}/account` }
  addRoute(router, '/', { get: (_, res) => void res.json({ ...answer, ...services }) })
  route('/.well-known/openid-configuration', [])
  route(`${ENDPOINT}/certs`, [])
  route(`${ENDPOINT}/auth`, [asPage, readScope])
  route(`${ENDPOINT}/auth/:uid`, [asPage], [asPage, createLoginForm(deps)])
  route(`${ENDPOINT}/token`, undefined, [requireParameters, readTokenRequest(deps)])
  route(`${ENDPOINT}/userinfo`, [readBearer(deps)], [readBearer(deps)])
  route(`${ENDPOINT}/revoke`, undefined, [readRevocation(deps)])
  route(`${ENDPOINT}/logout`, [asPage], [readLogout(deps)])
  route(`${ENDPOINT}/logout/confirm`, undefined, [asPage])
  route(`${ENDPOINT}/logout/success`, [asPage])
  return router.use(notFound)
}

const asPage: RequestHandler = (req, _, next) => {
  req.headers.accept = 'text/html'
  next()
}

/** @returns the bearer token of the Authorization header, if there is one */
export const bearerOf = (req: Request): string | undefined =>
  /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1]

const KNOWN_SCOPES = ['openid', 'profile', 'email', 'basic', 'roles', 'web-origins', 'acr']

/** What is granted of what was asked for: `profile` and `email` always. Undefined for an unknown scope. */
function grantedScope(requested = ''): string | undefined {
  const names = requested.split(' ').filter(Boolean)
  if (!names.every((name) => KNOWN_SCOPES.includes(name))) return undefined
  return `${names.includes('openid') ? 'openid ' : ''}profile email`
}

/** An unknown scope becomes one that the library refuses, too: it knows where to send the refusal. */
const readScope: RequestHandler = (req, _, next) => {
  const query = new URLSearchParams(req.url.split('?')[1])
  query.set('scope', grantedScope(query.get('scope') ?? '') ?? '"')
  req.url = `${req.url.split('?')[0]}?${query}`
  next()
}

const REQUIRED: Record<string, [name: string, status: number, text: string][]> = {
  password: [['username', 401, 'Missing parameter: username']],
  refresh_token: [['refresh_token', 400, 'No refresh token']],
  authorization_code: [['code', 400, 'Missing parameter: code']],
  client_credentials: [],
}

const requireParameters: RequestHandler = ({ body }, _, next) => {
  if (body.grant_type === undefined) throw oauthError(400, 'invalid_request', 'Missing form parameter: grant_type')
  const required = REQUIRED[body.grant_type]
  if (!required) throw oauthError(400, 'unsupported_grant_type', 'Unsupported grant_type')
  for (const [name, status, text] of required) {
    if (body[name] === undefined) throw oauthError(status, 'invalid_request', text)
    // Empty is as good as made up; the library would call it missing.
    body[name] ||= '-'
  }
  next()
}

const readTokenRequest =
  (deps: Deps): RequestHandler =>
  ({ body }, _, next) => {
    const scope = grantedScope(body.scope)
    if (!scope) throw oauthError(400, 'invalid_scope', `Invalid scopes: ${body.scope}`)
    // A refresh keeps the scope of the login.
    if (body.grant_type === 'refresh_token') delete body.scope
    else body.scope = scope
    if (body.grant_type === 'authorization_code') body.redirect_uri ||= 'missing'
    forgetStraySecret(deps, body)
    next()
  }

/** A public client may send a secret; it means nothing. */
function forgetStraySecret(deps: Deps, body: Record<string, string>): void {
  if (clientOf(deps, body.client_id ?? '')?.publicClient) delete body.client_secret
}

/** The library knows an access token by the `jti` of the JWT. */
async function libraryToken({ signer, issuer }: Deps, token: string): Promise<string> {
  return String((await signer.verify(issuer, token))?.jti ?? 'unknown')
}

const readBearer =
  (deps: Deps): RequestHandler =>
  async (req, _, next) => {
    const token = bearerOf(req)
    if (token) req.headers.authorization = `Bearer ${await libraryToken(deps, token)}`
    next()
  }

const readRevocation =
  (deps: Deps): RequestHandler =>
  async (req, _, next) => {
    if (!req.body.token) throw oauthError(400, 'invalid_request', 'Token not provided')
    if (String(req.body.token).includes('.')) req.body.token = await libraryToken(deps, req.body.token)
    forgetStraySecret(deps, req.body)
    next()
  }

/** Logout by refresh token is a revocation; without one it is the browser's. */
const readLogout =
  (deps: Deps): RequestHandler =>
  (req, _, next) => {
    if (req.body.client_id && !req.body.refresh_token && !req.body.id_token_hint)
      throw oauthError(400, 'invalid_request', 'No refresh token')
    if (req.body.refresh_token) {
      req.body = { ...req.body, token: req.body.refresh_token }
      req.url = `${ENDPOINT}/revoke`
      forgetStraySecret(deps, req.body)
    }
    next()
  }
