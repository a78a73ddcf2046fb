import { json, redirect } from '@jan/service-kit/answer'
import { presentFlatError } from '@jan/service-kit/errors'
import { presentErrorsAs, type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { finishLogin } from './finish-login.ts'
import { CallbackQuery, LoginQuery, LoginStarted } from './identity.schema.ts'
import { startLogin } from './start-login.ts'

export const loginRoutes = (deps: Deps): Route[] =>
  presentErrorsAs(presentFlatError, [
    route({
      operation: 'start_login',
      method: 'get',
      path: '/auth/login',
      summary: 'Begin a login in the browser',
      description: 'Authorization code with PKCE. Nothing is kept here and no cookie is set: the state holds it all.',
      auth: 'none',
      query: LoginQuery,
      answers: { 200: LoginStarted },
      handler: ({ query }) => {
        const { authorizationUrl, state } = startLogin(deps, query.redirect_url)
        return json({ authorization_url: authorizationUrl, state }, { headers: { 'cache-control': 'no-store' } })
      },
    }),
    route({
      operation: 'finish_login',
      method: 'get',
      path: '/auth/callback',
      summary: 'Where the identity provider sends the browser back to',
      description: 'Redirects to where the login was to end, with the tokens in the fragment.',
      auth: 'none',
      query: CallbackQuery,
      answers: { 302: null, 400: z.looseObject({ error: z.string(), error_description: z.string() }) },
      handler: async ({ query: { error, error_description: description = '', ...callback }, who, address }) => {
        if (error !== undefined) return json({ error, error_description: description }, { status: 400 })
        const { location, subject } = await finishLogin(deps, callback)
        await noteAct(deps, { who, address }, { act: 'login.finished', actor: subject, target: subject })
        return redirect(location)
      },
    }),
  ])
