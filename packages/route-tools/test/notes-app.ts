import { empty, json } from '@jan/service-kit/answer'
import { bearerAuth } from '@jan/service-kit/auth'
import { notFound } from '@jan/service-kit/errors'
import type { HttpAppOptions } from '@jan/service-kit/http-app'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { createServerFor, listen } from '@jan/service-kit/lifecycle'
import { silentLogger as log } from '@jan/service-kit/logger'
import { createMetrics } from '@jan/service-kit/metrics'
import { createRateLimiter } from '@jan/service-kit/rate-limit'
import { type Route, route } from '@jan/service-kit/route'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { z } from 'zod'
import { createAppWithTools, type ToolSettings } from '../src/create-app-with-tools.ts'

const KEYS = parseInternalKeys(`test:${Buffer.alloc(32, 7).toString('base64url')}`)
const Note = z.looseObject({ id: z.string(), text: z.string(), tags: z.array(z.string()) }).meta({ id: 'Note' })
const Params = z.object({ id: z.string() })
const common = { auth: 'person', scope: 'notes' } as const

type Stored = z.output<typeof Note>
export type Seen = { left: number; started: number; addresses: string[]; authorization: (string | undefined)[] }

/** Notes of people, kept in memory; every operation but one is a tool. */
const noteRoutes = (notes: Map<string, Stored>, seen: Seen): Route[] => [
  ...readingRoutes(notes, seen),
  ...writingRoutes(notes),
  ...oddRoutes(seen),
]

const readingRoutes = (notes: Map<string, Stored>, seen: Seen): Route[] => [
  route({
    ...common,
    operation: 'list_notes',
    method: 'get',
    path: '/v1/notes',
    summary: 'Your notes',
    description: 'The newest first.',
    query: z.object({
      limit: z.coerce.number().int().min(1).max(10).default(5),
      tag: z.union([z.string(), z.array(z.string())]).optional(),
      'tag[]': z.array(z.string()).optional(),
    }),
    answers: { 200: z.object({ data: z.array(Note), asked: z.unknown() }) },
    tool: { hidden: ['tag[]'] },
    handler: ({ query, who, headers, address }) => {
      seen.addresses.push(address())
      seen.authorization.push(headers.authorization)
      const mine = [...notes.values()].filter(({ owner }) => owner === who.caller.subject)
      return { data: mine.slice(0, query.limit), asked: query, more_than_said: true }
    },
  }),
  route({
    ...common,
    operation: 'get_note',
    method: 'get',
    path: '/v1/notes/{id+}',
    summary: 'One note',
    params: Params,
    answers: { 200: Note },
    tool: { name: 'read_note', title: 'Read a note', description: 'Reads it.' },
    handler: ({ params: { id }, who }) => {
      const note = notes.get(id)
      if (note?.owner !== who.caller.subject) throw notFound('Note', id)
      return note
    },
  }),
]

const writingRoutes = (notes: Map<string, Stored>): Route[] => [
  route({
    ...common,
    operation: 'put_note',
    method: 'put',
    path: '/v1/notes/{id+}',
    summary: 'Write a note',
    params: Params,
    query: z.object({ quietly: z.enum(['true', 'false']).default('false') }),
    body: z.object({ text: z.string().min(1), tags: z.array(z.string()).default([]) }),
    answers: { 201: Note },
    tool: {},
    handler: ({ params: { id }, body, who }) => {
      const note = { id, ...body, owner: who.caller.subject }
      notes.set(id, note)
      return json(note, { status: 201 })
    },
  }),
  route({
    ...common,
    operation: 'delete_note',
    method: 'delete',
    path: '/v1/notes/{id+}',
    summary: 'Forget a note',
    role: 'gardener',
    params: Params,
    answers: { 204: null },
    tool: {},
    handler: ({ params }) => {
      notes.delete(params.id)
      return empty()
    },
  }),
]

const oddRoutes = (seen: Seen): Route[] => [
  route({
    ...common,
    operation: 'wait_for_notes',
    method: 'post',
    path: '/v1/notes/wait',
    summary: 'Wait until there is one',
    answers: { 200: Note },
    tool: { readonly: true },
    handler: ({ who }) =>
      new Promise((_resolve, reject) => {
        seen.started += 1
        who.signal.addEventListener('abort', () => {
          seen.left += 1
          reject(who.signal.reason)
        })
      }),
  }),
  route({
    ...common,
    operation: 'break_note',
    method: 'post',
    path: '/v1/notes/break',
    summary: 'Break',
    answers: { 200: Note },
    tool: { destructive: true },
    handler: () => {
      throw new Error('the password of the database is hunter2')
    },
  }),
  route({
    ...common,
    operation: 'count_notes',
    method: 'get',
    path: '/v1/notes-count',
    summary: 'Count',
    answers: { 204: null },
    handler: () => empty(),
  }),
]

const settings: ToolSettings = {
  enabled: true,
  publicUrl: 'https://jan.example',
  issuer: 'https://identity.example',
  allowedOrigins: ['https://app.example'],
  prefix: '/notes',
}

/** The app over real HTTP, with tokens of people, keys (`scopes`) and services. */
export async function startNotes(mcp: Partial<ToolSettings> = {}, more: { perMinute?: number } = {}) {
  const issuer = await createTokenIssuer()
  const seen: Seen = { left: 0, started: 0, addresses: [], authorization: [] }
  const notes = new Map<string, Stored>()
  const metrics = createMetrics('notes')
  const limiter = more.perMinute
    ? createRateLimiter({ name: 'notes', points: more.perMinute, seconds: 60, redis: undefined, log })
    : undefined
  const options: HttpAppOptions = {
    service: 'notes',
    version: '1.2.3',
    log,
    metrics,
    authenticate: bearerAuth({
      ...issuer,
      audience: ['jan'],
      jwksUrl: 'http://identity.test/certs',
      internal: createInternalTokens('notes', KEYS),
    }),
    ...(limiter ? { limiter } : {}),
    routes: noteRoutes(notes, seen),
    dependencies: [],
    bodyLimit: 4096,
  }
  const server = createServerFor(createAppWithTools({ ...options, mcp: { ...settings, ...mcp } }))
  const url = `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}`
  const bearer = (subject: string, roles: string[] = ['user']) => issuer.bearer(subject, { realm_access: { roles } })
  const post = async (body: unknown, headers: Record<string, string> = {}, path = '/mcp') =>
    fetch(url + path, {
      method: 'POST',
      headers: { ...(await bearer('ada')), 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return {
    url,
    seen,
    notes,
    metrics,
    bearer,
    post,
    /** Headers of one call that a service makes for somebody whose key has these scopes. */
    forKey: async (subject: string, scopes: string[]) => {
      const person = { kind: 'key' as const, subject, workspaceId: subject, roles: ['user'], scopes }
      const token = await createInternalTokens('mcp-tools', KEYS).mint('notes', person)
      return { authorization: `Bearer ${token}` }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      await limiter?.close()
    },
  }
}

export type Notes = Awaited<ReturnType<typeof startNotes>>

export const rpc = (method: string, params: object = {}, id: string | number = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})
export const calling = (name: string, args: object = {}) => rpc('tools/call', { name, arguments: args })
