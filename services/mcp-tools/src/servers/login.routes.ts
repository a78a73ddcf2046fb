import { json, NOT_STORED, relay } from '@jan/service-kit/answer'
import { AppError } from '@jan/service-kit/errors'
import { type Route, route, streamOf } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { finishLogin, requireServerWithLogin, sealCompletion, startLogin } from './log-in.ts'
import { presentServer } from './present-server.ts'
import { CallbackQuery, FinishLogin, LoginStarted, McpServer, ServerParams } from './servers.schema.ts'

const PERSON = { auth: 'person', scope: 'mcp' } as const

export const loginRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'start_mcp_login',
    method: 'post',
    path: '/v1/mcp/servers/{id}/oauth/start',
    summary: 'Begin to log in at an MCP server',
    description:
      'Authorization code with PKCE. The address is opened in a browser; what it ends with is sent to …/oauth/finish.',
    ...PERSON,
    params: ServerParams,
    answers: { 200: LoginStarted },
    handler: async ({ params, who }) => {
      const url = await startLogin(deps, who.caller, params.id)
      return json({ object: 'mcp.login' as const, authorization_url: url }, { headers: NOT_STORED })
    },
  }),
  route({
    operation: 'receive_mcp_login',
    method: 'get',
    path: '/v1/mcp/servers/{id}/oauth/callback',
    summary: 'Where the authorization server sends the browser back to',
    description: 'Answers a page with a text that only the person who began the login can use, at …/oauth/finish.',
    auth: 'none',
    params: ServerParams,
    query: CallbackQuery,
    answers: { 200: streamOf('text/html', 'A page with the completion') },
    handler: ({ params, query: { state, code, iss, error } }) => {
      if (error !== undefined || !state || !code)
        throw new AppError('invalid_request', 'The login was not completed where it was begun')
      return page(sealCompletion(deps, params.id, { state, code, iss }))
    },
  }),
  route({
    operation: 'finish_mcp_login',
    method: 'post',
    path: '/v1/mcp/servers/{id}/oauth/finish',
    summary: 'End a login that the caller began',
    ...PERSON,
    params: ServerParams,
    body: FinishLogin,
    answers: { 200: McpServer },
    handler: async ({ params, body, who: { caller } }) =>
      presentServer(deps, caller, await finishLogin(deps, caller, { id: params.id, completion: body.completion })),
  }),
  route({
    operation: 'delete_mcp_login',
    method: 'delete',
    path: '/v1/mcp/servers/{id}/oauth',
    summary: "Forget the caller's access to an MCP server",
    ...PERSON,
    params: ServerParams,
    answers: { 200: McpServer },
    handler: async ({ params, who: { caller } }) => {
      const spec = await requireServerWithLogin(deps, caller, params.id)
      await deps.logins.forget(spec.id, caller.workspaceId)
      deps.knownServers.forget()
      return presentServer(deps, caller, spec)
    },
  }),
]

/** No script, nothing from elsewhere; the text is base64url. */
const page = (completion: string) =>
  relay(
    Buffer.from(
      `<!doctype html><meta charset="utf-8"><title>Jan Server</title><p>Logged in. To let Jan Server use this access, finish where you began, with this text:</p><pre id="completion">${completion}</pre>`,
    ),
    {
      status: 200,
      headers: {
        ...NOT_STORED,
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      },
    },
  )
