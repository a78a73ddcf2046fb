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
  const router = express.Router().use(readForm)
  addRoute(router, '/protocol/openid-connect/token', {
    post: async ({ body: form }, res) => {
      if (form.grant_type !== 'password') throw oauthError(400, 'unsupported_grant_type', 'Unsupported grant_type')
      if (form.client_id !== 'admin-cli')
        throw oauthError(401, 'invalid_client', 'Invalid client or Invalid client credentials')
      const isAdmin = form.username?.toLowerCase() === admin.username && sameText(form.password ?? '', admin.password)
      if (!isAdmin) throw oauthError(400, 'invalid_grant', 'Invalid user credentials')
      const iat = Math.floor(Date.now() / 1000)
      const claims = { iat, exp: iat + LIFETIME, jti: randomUUID(), iss: masterIssuer(baseUrl), azp: 'admin-cli' }
      const token = await signer.sign({ ...claims, typ: 'Bearer' })
      res.set('Cache-Control', 'no-store').json({ access_token: token, expires_in: LIFETIME, token_type: 'Bearer' })
    },
  })
  return router.use(notFound)
}
