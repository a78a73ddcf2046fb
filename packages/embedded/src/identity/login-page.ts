import { createHmac } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { BaseDeps, Deps } from './deps.ts'
import { HttpError } from './http-error.ts'
import { sameText } from './passwords.ts'
import { signIn } from './sign-in.ts'

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** No script, nothing from elsewhere. `form-action` stays open: the answer to the form redirects to the client. */
export const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'Referrer-Policy': 'no-referrer',
}

/** A page with a heading. @param content HTML */
export const page = (title: string, content: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:22rem;margin:10vh auto;padding:0 1rem;color:#18181b;background:#f4f4f5}
label{display:block;margin-top:1rem}input,button{font:inherit;box-sizing:border-box;width:100%;padding:.5rem}
button{margin-top:1.5rem;border:0;background:#1d4ed8;color:#fff}[role=alert]{color:#b91c1c}</style></head>
<body><main><h1>${title}</h1>${content}</main></body></html>`

export const errorPage = (text: string) => page('We are sorry…', `<p id="kc-error-message">${escaped(text)}</p>`)

/** The form that asks to confirm signing out. @param form of the library, with its secret and without a button */
export const logoutPage = (form: string) =>
  page('Sign out', form.replace('</form>', '<button name="logout" value="yes">Sign out</button></form>'))

/** Ties a form to the login `uid` that it was made for. */
const csrfOf = ({ formSecret }: BaseDeps, uid: string) =>
  createHmac('sha256', formSecret).update(uid).digest('base64url')

/** The page for the login `uid`. @param refused the name that was typed with a wrong password */
export const showForm = (deps: BaseDeps, uid: string, refused?: string): string =>
  page(
    'Sign in to Jan Server',
    `${refused === undefined ? '' : '<p role="alert" id="input-error">Invalid username or password.</p>'}
<form id="kc-form-login" method="post" action="${deps.issuer}/protocol/openid-connect/auth/${uid}">
<input type="hidden" name="csrf" value="${csrfOf(deps, uid)}">
<label for="username">Username or e-mail</label>
<input id="username" name="username" value="${escaped(refused ?? '')}" autocomplete="username" autofocus required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button id="kc-login" type="submit">Sign in</button></form>`,
  )

/** Takes the login form; after the right password the library goes on with the request that asked for it. */
export function createLoginForm(deps: Deps): RequestHandler<{ uid: string }> {
  const { provider } = deps
  return async (req, res, next) => {
    const { username = '', password = '', csrf = '' } = req.body as Record<string, string>
    const { uid } = req.params
    const interaction = await provider.interactionDetails(req, res).catch(() => undefined)
    if (interaction?.uid !== uid || !sameText(csrf, csrfOf(deps, uid)))
      return void res.status(400).set(PAGE_HEADERS).send(errorPage('This sign-in has expired. Please start again.'))
    try {
      const { id } = await signIn(deps, username, password)
      await provider.interactionResult(req, res, { login: { accountId: id } })
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      return void res.set(PAGE_HEADERS).send(showForm(deps, uid, username))
    }
    req.method = 'GET'
    next()
  }
}
