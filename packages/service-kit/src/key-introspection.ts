import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { IntrospectKey, KeyHolder } from './api-keys.ts'
import type { Peer } from './http-client.ts'

/** Where the service that keeps the keys tells its neighbours of them. */
export const INTROSPECTION_PATH = '/internal/api-keys/introspect'

export const KeyQuestion = z
  .looseObject({ hash: z.string().regex(/^[0-9a-f]{64}$/, 'expected SHA-256 as 64 hex digits') })
  .meta({ id: 'ApiKeyQuestion' })

export const KeyAnswer = z
  .union([
    z.looseObject({ active: z.literal(false) }),
    z.looseObject({
      active: z.literal(true),
      key_id: z.string(),
      subject: z.string(),
      workspace_id: z.string(),
      username: z.string().optional(),
      roles: z.array(z.string()),
      scopes: z.array(z.string()),
      expires_at: z.iso.datetime(),
    }),
  ])
  .meta({ id: 'ApiKeyAnswer' })
export type KeyAnswer = z.output<typeof KeyAnswer>

export function presentHolder(holder: KeyHolder | undefined): KeyAnswer {
  if (!holder) return { active: false }
  const { keyId = '', subject, workspaceId, username, roles, scopes = [] } = holder.person
  return {
    active: true,
    key_id: keyId,
    subject,
    workspace_id: workspaceId,
    ...(username === undefined ? {} : { username }),
    roles,
    scopes,
    expires_at: holder.expiresAt.toISOString(),
  }
}

/** Asks the service that keeps the keys, as `service`. */
export const introspectAt =
  (peer: Peer, service: string): IntrospectKey =>
  async (hash) => {
    const answer = await peer.json({
      method: 'POST',
      path: INTROSPECTION_PATH,
      caller: { kind: 'service', service },
      requestId: randomUUID(),
      // Whoever asks first leaves perhaps, but others wait for the same answer.
      signal: new AbortController().signal,
      json: { hash },
    })
    return readHolder(KeyAnswer.parse(answer))
  }

function readHolder(answer: KeyAnswer): KeyHolder | undefined {
  if (!answer.active) return undefined
  const { key_id: keyId, subject, workspace_id: workspaceId, username, roles, scopes } = answer
  const name = username === undefined ? {} : { username }
  return {
    person: { kind: 'key', subject, workspaceId, roles, scopes, keyId, ...name },
    expiresAt: new Date(answer.expires_at),
  }
}
