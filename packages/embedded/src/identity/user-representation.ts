import { z } from 'zod'
import { HttpError, oauthError } from './http-error.ts'
import type { User } from './users.store.ts'

const text = z.string().nullish()
const flag = z.boolean().nullish()
const ignored = z.unknown().optional()
const values = z.union([z.array(z.string()), z.string().transform((value) => [value])])

export const credential = z.object({ type: text, value: text, temporary: flag })
export type Credential = z.infer<typeof credential>

/** Keycloak's UserRepresentation: what is not kept here is accepted and ignored, an unknown field is refused. */
export const userRepresentation = z.strictObject({
  username: text,
  email: text,
  firstName: text,
  lastName: text,
  enabled: flag,
  emailVerified: flag,
  attributes: z.record(z.string(), values).nullish(),
  requiredActions: z.array(z.string()).nullish(),
  credentials: z.array(credential).nullish(),
  groups: z.array(z.string()).nullish(),
  ...{ id: ignored, self: ignored, origin: ignored, createdTimestamp: ignored, totp: ignored, federationLink: ignored },
  ...{ serviceAccountClientId: ignored, federatedIdentities: ignored, realmRoles: ignored, clientRoles: ignored },
  ...{ clientConsents: ignored, notBefore: ignored, access: ignored, disableableCredentialTypes: ignored },
  ...{ userProfileMetadata: ignored, socialLinks: ignored, applicationRoles: ignored },
})
export type UserRepresentation = z.infer<typeof userRepresentation>

/** @throws HttpError 400 in Keycloak's words for a body of the wrong shape */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  if (issue?.code !== 'unrecognized_keys') throw oauthError(400, 'unknown_error', 'Cannot parse the JSON')
  throw new HttpError(400, {
    error: `Invalid json representation for UserRepresentation. Unrecognized field "${issue.keys[0]}".`,
  })
}

/** @param brief without attributes and the rarer fields */
export function presentUser(user: User, brief = false) {
  return {
    id: user.id,
    username: user.username,
    ...(user.firstName ? { firstName: user.firstName } : {}),
    ...(user.lastName ? { lastName: user.lastName } : {}),
    ...(user.email ? { email: user.email } : {}),
    emailVerified: user.emailVerified,
    ...(!brief && Object.keys(user.attributes).length > 0 ? { attributes: user.attributes } : {}),
    enabled: user.enabled,
    createdTimestamp: user.createdTimestamp,
    ...(brief
      ? {}
      : {
          totp: false,
          disableableCredentialTypes: [],
          requiredActions: user.requiredActions,
          notBefore: user.notBefore,
        }),
    ...(user.serviceAccountClient && !brief ? { serviceAccountClientId: user.serviceAccountClient } : {}),
    access: { manage: true },
  }
}
