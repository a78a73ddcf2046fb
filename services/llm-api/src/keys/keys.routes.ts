import { empty, json, NOT_STORED } from '@jan/service-kit/answer'
import {
  INTROSPECTION_PATH,
  KeyAnswer as IntrospectedKey,
  KeyQuestion,
  presentHolder,
} from '@jan/service-kit/key-introspection'
import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { createKey } from './create-key.ts'
import { introspectKey } from './introspect-key.ts'
import { ApiKeyList, CreateApiKey, NewApiKey, RotateApiKey, ValidateApiKey, ValidatedApiKey } from './key.schema.ts'
import { presentKey } from './present-key.ts'
import { ownerOf } from './require-key.ts'
import { revokeKey } from './revoke-key.ts'
import { rotateKey } from './rotate-key.ts'
import { validateKey } from './validate-key.ts'

const KeyParams = z.object({ id: z.string() })

export const keyRoutes = (deps: Deps): Route[] => [...managingRoutes(deps), ...judgingRoutes(deps)]

const managingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'create_api_key',
    method: 'post',
    path: '/auth/api-keys',
    summary: 'Make an API key',
    description:
      'It is sent as `Authorization: Bearer sk_…` or `X-API-Key`, to every service, and is shown this once. Guests and keys cannot make any.',
    auth: 'person',
    body: CreateApiKey,
    answers: { 201: NewApiKey },
    idempotent: true,
    handler: async ({ body, who, address }) => {
      const { key, secret } = await createKey(deps, who, body)
      await noteAct(deps, { who, address }, { act: 'api_key.created', target: key.id, details: { scopes: key.scopes } })
      return json({ ...presentKey(key, deps.now()), key: secret }, { status: 201, headers: NOT_STORED })
    },
  }),
  route({
    operation: 'list_api_keys',
    method: 'get',
    path: '/auth/api-keys',
    summary: 'Your API keys',
    description: 'Newest first, revoked and expired ones too.',
    auth: 'person',
    answers: { 200: ApiKeyList },
    handler: async ({ who }) => {
      const keys = await deps.keys.store.list(ownerOf(who.caller))
      const items = keys.map((key) => presentKey(key, deps.now()))
      return { items }
    },
  }),
  route({
    operation: 'revoke_api_key',
    method: 'delete',
    path: '/auth/api-keys/{id}',
    summary: 'Revoke an API key',
    description: 'It is refused from now on, everywhere.',
    auth: 'person',
    params: KeyParams,
    answers: { 204: null },
    handler: async ({ params, who, address }) => {
      await revokeKey(deps, who, params.id)
      await noteAct(deps, { who, address }, { act: 'api_key.revoked', target: params.id })
      return empty()
    },
  }),
  route({
    operation: 'rotate_api_key',
    method: 'post',
    path: '/auth/api-keys/{id}/rotate',
    summary: 'Give an API key a new secret',
    description: 'The old one is refused from now on. Id, name, scopes and, unless you say otherwise, expiry stay.',
    auth: 'person',
    params: KeyParams,
    body: RotateApiKey.optional(),
    answers: { 200: NewApiKey },
    handler: async ({ params, body, who, address }) => {
      const { key, secret } = await rotateKey(deps, who, { ...body, id: params.id })
      await noteAct(deps, { who, address }, { act: 'api_key.rotated', target: key.id })
      return json({ ...presentKey(key, deps.now()), key: secret }, { headers: NOT_STORED })
    },
  }),
]

const judgingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'validate_api_key',
    method: 'post',
    path: '/auth/validate-api-key',
    summary: 'Is this API key good?',
    description:
      'For gateways that check keys themselves. It names the subject, which means nothing outside, and tells nothing else of the person: the other fields are there because older callers read them. Limited per address.',
    auth: 'none',
    body: ValidateApiKey,
    bodyLimit: 4096,
    answers: { 200: ValidatedApiKey },
    handler: async ({ body, address }) => {
      const { subject } = await validateKey(deps, { key: body.api_key, address: address() })
      return json(presentSubject(subject), { headers: NOT_STORED })
    },
  }),
  route({
    operation: 'introspect_api_key',
    method: 'post',
    path: INTROSPECTION_PATH,
    summary: 'Whose key has this hash?',
    description: 'For our other services.',
    auth: 'service',
    body: KeyQuestion,
    answers: { 200: IntrospectedKey },
    handler: async ({ body }) => presentHolder(await introspectKey(deps, body.hash)),
  }),
]

const presentSubject = (subject: string) => ({
  user_id: subject,
  subject,
  username: '' as const,
  email: '' as const,
  first_name: '' as const,
  last_name: '' as const,
  roles: null,
})
