import type { FieldCipher } from '@jan/service-kit/field-encryption'
import { openJson, sealJson } from './sealed-json.ts'
import { MAX_TOOLS, type OauthClient, type ServerSpec, sealRecord } from './server-spec.ts'
import type { ServerRow } from './servers.store.ts'

/** What is kept encrypted of a server. */
export type ServerSecrets = { headers: Record<string, string>; oauth?: OauthClient | undefined }

const placeOf = (id: string) => `mcp_server.secrets:${id}`

export function sealSecrets(cipher: FieldCipher, id: string, secrets: ServerSecrets): string | null {
  const isEmpty = Object.keys(secrets.headers).length === 0 && !secrets.oauth
  return isEmpty ? null : sealJson(cipher, secrets, placeOf(id))
}

/** @throws FieldEncryptionError when the key is not known here any more */
const openSecrets = (cipher: FieldCipher, { id, secrets }: Pick<ServerRow, 'id' | 'secrets'>): ServerSecrets =>
  secrets === null ? { headers: {} } : openJson(cipher, secrets, placeOf(id))

/** A server whose secrets were encrypted with a key that is not known here any more counts as switched off. */
export function specOfRow(cipher: FieldCipher, row: ServerRow): ServerSpec {
  const secrets = openOrNothing(cipher, row)
  const { headers, oauth }: ServerSecrets = secrets ?? { headers: {} }
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    source: 'api',
    workspaceId: row.workspaceId ?? undefined,
    reach: { type: row.type, url: row.url, headers: sealRecord(headers) },
    headerNames: row.headerNames,
    auth: row.auth,
    oauth,
    enabled: row.enabled && secrets !== undefined,
    paid: false,
    timeoutMs: row.timeoutMs,
    maxTools: MAX_TOOLS,
    createdAt: row.createdAt,
  }
}

function openOrNothing(cipher: FieldCipher, row: ServerRow): ServerSecrets | undefined {
  try {
    return openSecrets(cipher, row)
  } catch {
    return undefined
  }
}
