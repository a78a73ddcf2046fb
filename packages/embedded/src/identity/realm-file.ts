import { createHash } from 'node:crypto'
import { z } from 'zod'

/** The realm as this provider needs it, read from a Keycloak realm import. */
export type Realm = ReturnType<typeof readRealm>
export type RealmClient = Realm['clients'][number]
export type Role = Realm['roles'][number]
export type Group = Realm['groups'][number]

const PLACEHOLDER = /(?<!\$)\$\{([A-Z][A-Z0-9_]*)(?::([^}]*))?\}/g

/**
 * Replaces `${NAME}` and `${NAME:default}` in the file's text, as Keycloak's import does, before it is parsed.
 * Names are upper case: `${username}` and the like are Keycloak's own message keys and stay.
 * @throws Error for a name without value, or for a value that would break the JSON text
 */
export function expandPlaceholders(text: string, values: Record<string, string>): string {
  return text.replace(PLACEHOLDER, (_, name: string, fallback: string | undefined) => {
    const value = values[name] ?? fallback
    if (value === undefined) throw new Error(`The realm file names \${${name}}, which has no value`)
    if (JSON.stringify(value) !== `"${value}"`)
      throw new Error(`${name} may not contain quotes, backslashes or control characters`)
    return value
  })
}

const mapper = z.discriminatedUnion('protocolMapper', [
  z.object({
    protocolMapper: z.literal('oidc-audience-mapper'),
    config: z.object({ 'included.custom.audience': z.string() }),
  }),
  z.object({
    protocolMapper: z.literal('oidc-usermodel-attribute-mapper'),
    config: z.object({ 'user.attribute': z.string(), 'claim.name': z.string(), 'jsonType.label': z.literal('String') }),
  }),
])

const client = z.object({
  clientId: z.string(),
  enabled: z.boolean().default(true),
  publicClient: z.boolean().default(false),
  secret: z.string().min(1).optional(),
  standardFlowEnabled: z.boolean().default(true),
  directAccessGrantsEnabled: z.boolean().default(false),
  serviceAccountsEnabled: z.boolean().default(false),
  fullScopeAllowed: z.literal(false, 'only clients with scope mappings are supported'),
  redirectUris: z.array(z.string().regex(/^[^*]+$/, 'must be an exact address')).default([]),
  webOrigins: z.array(z.string()).default([]),
  attributes: z.record(z.string(), z.string()).default({}),
  protocolMappers: z.array(mapper).default([]),
})

const length = z.strictObject({ min: z.number().optional(), max: z.number().optional() })
const profileAttribute = z.strictObject({
  name: z.string(),
  displayName: z.string().optional(),
  permissions: z.unknown().optional(),
  validations: z
    .strictObject({
      length: length.optional(),
      email: z.object({}).optional(),
      options: z.object({ options: z.array(z.string()) }).optional(),
      'person-name-prohibited-characters': z.object({}).optional(),
      'username-prohibited-characters': z.object({}).optional(),
      'up-username-not-idn-homograph': z.object({}).optional(),
    })
    .default({}),
})
export type ProfileAttribute = z.infer<typeof profileAttribute>

const json = z.string().transform((text) => JSON.parse(text) as unknown)
const profile = z.object({ unmanagedAttributePolicy: z.literal('ADMIN_EDIT'), attributes: z.array(profileAttribute) })

const passwordRule = z.string().regex(/^(length\(\d+\)|notUsername|notEmail)$/, 'unsupported password rule')
const seconds = z.number().int().positive()

const realmFile = z.object({
  realm: z.string(),
  passwordPolicy: z
    .string()
    .default('')
    .transform((text) => text.split(' and ').filter(Boolean))
    .pipe(z.array(passwordRule)),
  loginWithEmailAllowed: z.literal(true),
  registrationEmailAsUsername: z.literal(false),
  editUsernameAllowed: z.literal(true),
  accessTokenLifespan: seconds,
  ssoSessionIdleTimeout: seconds,
  ssoSessionMaxLifespan: seconds,
  revokeRefreshToken: z.literal(true),
  refreshTokenMaxReuse: z.number().int().min(0),
  roles: z.object({ realm: z.array(z.object({ name: z.string(), description: z.string().optional() })) }),
  groups: z
    .array(z.object({ name: z.string(), path: z.string(), realmRoles: z.array(z.string()).default([]) }))
    .default([]),
  clients: z.array(client),
  scopeMappings: z.array(z.object({ client: z.string(), roles: z.array(z.string()) })).default([]),
  clientScopeMappings: z
    .record(z.string(), z.array(z.object({ client: z.string(), roles: z.array(z.string()) })))
    .default({}),
  users: z
    .array(
      z.object({
        username: z.string(),
        serviceAccountClientId: z.string('only service accounts can be imported'),
        clientRoles: z.record(z.string(), z.array(z.string())).default({}),
      }),
    )
    .default([]),
  components: z.object({
    'org.keycloak.userprofile.UserProfileProvider': z.tuple([
      z.object({ config: z.object({ 'kc.user.profile.config': z.tuple([json.pipe(profile)]) }) }),
    ]),
  }),
})

/** Keycloak makes these in every realm; people have the first, nobody's token shows them (no scope mapping). */
export const DEFAULT_ROLE = 'default-roles-jan'
const messageKey = (key: string) => `\${${key}}`
const BUILT_IN_ROLES = [
  { name: DEFAULT_ROLE, description: messageKey('role_default-roles') },
  { name: 'offline_access', description: messageKey('role_offline-access') },
  { name: 'uma_authorization', description: messageKey('role_uma_authorization') },
]

/**
 * Checks the parsed (and expanded) realm file and keeps what is understood; settings without effect here are left out.
 * @throws Error naming every field that is missing or that this provider cannot honour
 */
export function readRealm(definition: unknown) {
  const parsed = realmFile.safeParse(definition)
  if (!parsed.success) throw new Error(`The realm file cannot be used:\n${z.prettifyError(parsed.error)}`)
  const file = parsed.data
  for (const { clientId, publicClient, secret } of file.clients) {
    if (!publicClient && !secret) throw new Error(`The realm file cannot be used: client ${clientId} has no secret`)
  }
  const containerId = stableId('realm', file.realm)
  return {
    ...file,
    name: file.realm,
    profile:
      file.components['org.keycloak.userprofile.UserProfileProvider'][0].config['kc.user.profile.config'][0].attributes,
    roles: [...BUILT_IN_ROLES, ...file.roles.realm].map((role) => ({
      id: stableId('role', role.name),
      name: role.name,
      ...(role.description ? { description: role.description } : {}),
      composite: role.name === DEFAULT_ROLE,
      clientRole: false,
      containerId,
    })),
    groups: file.groups.map((group) => ({ ...group, id: stableId('group', group.path) })),
    clients: file.clients.map((entry) => ({
      ...entry,
      accessTokenLifespan: Number(entry.attributes['access.token.lifespan'] ?? file.accessTokenLifespan),
      sessionIdleTimeout: Number(entry.attributes['client.session.idle.timeout'] ?? file.ssoSessionIdleTimeout),
      scopeRoles: file.scopeMappings
        .filter((mapping) => mapping.client === entry.clientId)
        .flatMap(({ roles }) => roles),
      scopeClientRoles: Object.fromEntries(
        Object.entries(file.clientScopeMappings)
          .map(
            ([owner, mappings]) =>
              [owner, mappings.filter((m) => m.client === entry.clientId).flatMap(({ roles }) => roles)] as const,
          )
          .filter(([, roles]) => roles.length > 0),
      ),
    })),
  }
}

/** Ids of what comes from the file need no storage: the same name has the same id after every start. */
function stableId(kind: string, name: string): string {
  const hex = createHash('sha256').update(`${kind}:${name}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
