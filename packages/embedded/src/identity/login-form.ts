import { createHmac } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Deps } from './deps.ts'
import { HttpError } from './http-error.ts'
import { errorPage, loginPage, PAGE_HEADERS } from './login-page.ts'
import { sameText } from './passwords.ts'
import { signIn } from './sign-in.ts'

/** Ties a form to the login it was made for. */
export const csrfOf = (secret: string, uid: string) => createHmac('sha256', secret).update(uid).digest('base64url')

/** Takes the login form; after the right password the library goes on with the request that asked for it. */
export function createLoginForm({ provider, formSecret, issuer, ...deps }: Deps): RequestHandler {
  return async (req, res, next) => {
    const { username = '', password = '', csrf = '' } = req.body as Record<string, string>
    const interaction = await provider.interactionDetails(req, res).catch(() => undefined)
    const expected = csrfOf(formSecret, String(req.params.uid))
    if (!interaction || interaction.uid !== req.params.uid || !sameText(csrf, expected)) {
      return void res.status(400).set(PAGE_HEADERS).send(errorPage('This sign-in has expired. Please start again.'))
    }
    try {
      const { id } = await signIn(deps, username, password)
      await provider.interactionResult(req, res, { login: { accountId: id } })
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      const action = `${issuer}/protocol/openid-connect/auth/${interaction.uid}`
      return void res.set(PAGE_HEADERS).send(loginPage({ action, csrf: expected, username, wrong: true }))
    }
    req.method = 'GET'
    next()
  }
}
