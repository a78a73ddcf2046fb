import express, { type Request, type RequestHandler, type Router } from 'express'
import type { Deps } from './deps.ts'
import { addRoute, notFound, oauthError, plainError, refuse } from './http-error.ts'
import { createLoginForm } from './login-page.ts'
import { clientOf, ENDPOINT } from './provider.ts'

export const readForm: RequestHandler[] = [
  express.urlencoded({ extended: false }),
  (req, _, next) => {
    req.body ??= {}
    if (Object.values(req.body).some(Array.isArray)) throw oauthError(400, 'invalid_request', 'duplicated parameter')
    next()
  },
]

/** What clients call, below `/realms/jan`. The library serves it; before, requests are put as it wants them. */
export function createOpenidRoutes(deps: Deps): Router {
  const { realm, signer, issuer } = deps
  const library = deps.provider.callback()
  const router = express.Router().use(readForm, readRequest(deps))
  const answer = { realm: realm.realm, public_key: signer.publicKey }
  addRoute(router, '/', { get: (_, res) => void res.json({ ...answer, 'token-service': `${issuer}${ENDPOINT}` }) })
  router.get(`${ENDPOINT}/auth`, readScope)
  router.post(`${ENDPOINT}/auth/:uid`, createLoginForm(deps))
  router.get(`${ENDPOINT}/token`, refuse(plainError(405)))
  router.post(`${ENDPOINT}/token`, readTokenRequest)
  router.post(`${ENDPOINT}/logout`, readLogout)
  return router.use((req, res) => library(req, res), notFound)
}

/** @returns the bearer token of the Authorization header, if there is one */
export const bearerOf = (req: Request): string | undefined =>
  /^Bearer +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1]

/** What is the same for every endpoint. */
const readRequest = (deps: Deps): RequestHandler => {
  /** The library knows an access token by the `jti` of the JWT. */
  const libraryToken = async (token: string) => String((await deps.signer.verify(deps.issuer, token))?.jti ?? 'unknown')
  return async (req, _, next) => {
    const { body, headers } = req
    const bearer = bearerOf(req)
    if (bearer) headers.authorization = `Bearer ${await libraryToken(bearer)}`
    if (body.token?.includes('.')) body.token = await libraryToken(body.token)
    // A public client may send a secret; it means nothing.
    if (clientOf(deps, body.client_id)?.publicClient) delete body.client_secret
    // The library builds addresses from the Host header; the realm's address is fixed.
    headers.host = new URL(deps.baseUrl).host
    // Makes it hand all its errors to `renderError`.
    headers.accept = 'text/html'
    next()
  }
}

const KNOWN_SCOPES = ['openid', 'profile', 'email', 'basic', 'roles', 'web-origins', 'acr']

/** What is granted of what was asked for: `profile` and `email` always. Undefined for an unknown scope. */
function grantedScope(requested = ''): string | undefined {
  const names = requested.split(' ').filter(Boolean)
  if (!names.every((name) => KNOWN_SCOPES.includes(name))) return undefined
  return `${names.includes('openid') ? 'openid ' : ''}profile email`
}

/** An unknown scope becomes one that the library refuses, too: it knows where to send the refusal. */
const readScope: RequestHandler = (req, _, next) => {
  const [path, query] = req.url.split('?')
  const parameters = new URLSearchParams(query)
  parameters.set('scope', grantedScope(parameters.get('scope') ?? '') ?? '"')
  req.url = `${path}?${parameters}`
  next()
}

/** What each grant has to bring, and how it is refused without. */
const REQUIRED: Record<string, [name: string, status: number, text: string]> = {
  password: ['username', 401, 'Missing parameter: username'],
  refresh_token: ['refresh_token', 400, 'No refresh token'],
  authorization_code: ['code', 400, 'Missing parameter: code'],
  client_credentials: ['grant_type', 400, ''],
}

const readTokenRequest: RequestHandler = ({ body }, _, next) => {
  if (body.grant_type === undefined) throw oauthError(400, 'invalid_request', 'Missing form parameter: grant_type')
  const required = REQUIRED[body.grant_type]
  if (!required) throw oauthError(400, 'unsupported_grant_type', 'Unsupported grant_type')
  const [name, status, text] = required
  if (body[name] === undefined) throw oauthError(status, 'invalid_request', text)
  const scope = grantedScope(body.scope)
  if (!scope) throw oauthError(400, 'invalid_scope', `Invalid scopes: ${body.scope}`)
  // A refresh keeps the scope of the login.
  if (body.grant_type === 'refresh_token') delete body.scope
  else body.scope = scope
  // Empty is as good as made up; the library would call it missing.
  body[name] ||= '-'
  if (body.grant_type === 'authorization_code') body.redirect_uri ||= '-'
  next()
}

/** Logout by refresh token is a revocation, differently answered. */
const readLogout: RequestHandler = (req, _, next) => {
  if (!req.body.refresh_token) throw oauthError(400, 'invalid_request', 'No refresh token')
  req.body.token = req.body.refresh_token
  req.url = `${ENDPOINT}/revoke`
  next()
}
