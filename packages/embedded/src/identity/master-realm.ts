import { randomUUID } from 'node:crypto'
import express, { type Router } from 'express'
import { addRoute, notFound, oauthError } from './http-error.ts'
import { readForm } from './openid-routes.ts'
import { sameText } from './passwords.ts'
import type { Signer } from './tokens.ts'

export type MasterAdmin = { username: string; password: string }

const LIFETIME = 60

export const masterIssuer = (baseUrl: string) => `${baseUrl}/realms/master`

/** Realm `master` knows one person, the administrator, and one client, `admin-cli`: a short token for the admin API. */
export function createMasterRealm(baseUrl: string, signer: Signer, admin: MasterAdmin): Router {
  const router = express.Router()
  addRoute(router, '/protocol/openid-connect/token', {
    post: [
      ...readForm,
      async ({ body: form }, res) => {
        if (!form.grant_type) throw oauthError(400, 'invalid_request', 'Missing form parameter: grant_type')
        if (form.grant_type !== 'password') throw oauthError(400, 'unsupported_grant_type', 'Unsupported grant_type')
        if (form.client_id !== 'admin-cli')
          throw oauthError(401, 'invalid_client', 'Invalid client or Invalid client credentials')
        if (form.username === undefined) throw oauthError(401, 'invalid_request', 'Missing parameter: username')
        const known = form.username.toLowerCase() === admin.username && sameText(form.password ?? '', admin.password)
        if (!known) throw oauthError(400, 'invalid_grant', 'Invalid user credentials')
        const sid = randomUUID()
        const iat = Math.floor(Date.now() / 1000)
        const times = { iat, exp: iat + LIFETIME, jti: randomUUID(), iss: masterIssuer(baseUrl) }
        const scope = 'profile email'
        res.set('Cache-Control', 'no-store').json({
          access_token: await signer.sign({ ...times, typ: 'Bearer', azp: 'admin-cli', sid, scope }),
          ...{ expires_in: LIFETIME, refresh_expires_in: 0, token_type: 'Bearer' },
          ...{ 'not-before-policy': 0, session_state: sid, scope },
        })
      },
    ],
  })
  return router.use(notFound)
}
