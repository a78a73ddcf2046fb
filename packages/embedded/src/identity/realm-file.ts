import { createHash } from 'node:crypto'
import { z } from 'zod'

/** The realm as this provider needs it, read from a Keycloak realm import. */
export type Realm = ReturnType<typeof readRealm>
export type RealmClient = Realm['clients'][number]

const PLACEHOLDER = /(?<!\$)\$\{([A-Z][A-Z0-9_]*)(?::([^}]*))?\}/g

/**
 * Replaces `${NAME}` and `${NAME:default}` in the file's text, as Keycloak's import does, before it is parsed.
 * Names are upper case: `${username}` and the like are Keycloak's own message keys and stay.
 * @throws Error for a name without value, or for a value that would break the JSON text
 */
export function expandPlaceholders(text: string, values: Record<string, string | undefined>): string {
  return text.replace(PLACEHOLDER, (_, name: string, fallback: string | undefined) => {
    const value = values[name] || fallback
    if (value === undefined) throw new Error(`The realm file names \${${name}}, which has no value`)
    if (JSON.stringify(value) !== `"${value}"`)
      throw new Error(`${name} may not contain quotes, backslashes or control characters`)
    return value
  })
}

const texts = z.array(z.string()).default([])
const client = z.object({
  clientId: z.string(),
  publicClient: z.boolean().default(false),
  secret: z.string().min(1).optional(),
  standardFlowEnabled: z.boolean().default(true),
  directAccessGrantsEnabled: z.boolean().default(false),
  serviceAccountsEnabled: z.boolean().default(false),
  fullScopeAllowed: z.literal(false, 'only clients with scope mappings are supported'),
  redirectUris: z.array(z.string().regex(/^[^*]+$/, 'must be an exact address')).default([]),
  webOrigins: texts,
  attributes: z.record(z.string(), z.string()).default({}),
  protocolMappers: z
    .array(
      z.object({
        protocolMapper: z.enum(['oidc-audience-mapper', 'oidc-usermodel-attribute-mapper']),
        config: z.record(z.string(), z.string()),
      }),
    )
    .default([]),
})
const mappings = z.array(z.object({ client: z.string(), roles: texts })).default([])
const length = z.object({ min: z.number().optional(), max: z.number().optional() }).optional()
const rule = z.object({}).optional()
const profileAttribute = z.object({
  name: z.string(),
  validations: z
    .strictObject({
      ...{ length, email: rule, options: z.object({ options: texts }).optional() },
      ...{ 'person-name-prohibited-characters': rule, 'username-prohibited-characters': rule },
      'up-username-not-idn-homograph': rule,
    })
    .default({}),
})
export type ProfileAttribute = z.infer<typeof profileAttribute>
const profile = z.object({ unmanagedAttributePolicy: z.literal('ADMIN_EDIT'), attributes: z.array(profileAttribute) })
const json = z.string().transform((text) => JSON.parse(text) as unknown)
const number = z.number().int().min(0)

const realmFile = z.object({
  realm: z.string(),
  passwordPolicy: z
    .string()
    .transform((text) => text.split(' and '))
    .pipe(z.array(z.string().regex(/^(length\(\d+\)|notUsername|notEmail)$/, 'unsupported password rule'))),
  ...{ loginWithEmailAllowed: z.literal(true), registrationEmailAsUsername: z.literal(false) },
  ...{ bruteForceProtected: z.literal(true), editUsernameAllowed: z.literal(true) },
  revokeRefreshToken: z.literal(true),
  ...{ accessTokenLifespan: number, ssoSessionIdleTimeout: number, ssoSessionMaxLifespan: number },
  ...{ failureFactor: number, waitIncrementSeconds: number, maxFailureWaitSeconds: number },
  ...{ quickLoginCheckMilliSeconds: number, refreshTokenMaxReuse: number },
  roles: z.object({ realm: z.array(z.object({ name: z.string(), description: z.string() })) }),
  groups: z.array(z.object({ name: z.string(), path: z.string(), realmRoles: texts })),
  clients: z.array(client),
  scopeMappings: mappings,
  clientScopeMappings: z.record(z.string(), mappings).default({}),
  users: z.array(
    z.object({
      username: z.string(),
      serviceAccountClientId: z.string('only service accounts can be imported'),
      clientRoles: z.record(z.string(), texts).default({}),
    }),
  ),
  components: z.object({
    'org.keycloak.userprofile.UserProfileProvider': z.tuple([
      z.object({ config: z.object({ 'kc.user.profile.config': z.tuple([json.pipe(profile)]) }) }),
    ]),
  }),
})

/** Keycloak makes these in every realm; people have the first, nobody's token shows them (no scope mapping). */
export const DEFAULT_ROLE = 'default-roles-jan'
const BUILT_IN_ROLES = [DEFAULT_ROLE, 'offline_access', 'uma_authorization'].map((name) => ({ name, description: '' }))

/**
 * Checks the parsed (and expanded) realm file and keeps what is understood; settings without effect here are left out.
 * @throws Error naming every field that is missing or that this provider cannot honour
 */
export function readRealm(definition: unknown) {
  const parsed = realmFile.safeParse(definition)
  if (!parsed.success) throw new Error(`The realm file cannot be used:\n${z.prettifyError(parsed.error)}`)
  const { components, ...file } = parsed.data
  for (const { clientId, publicClient, secret } of file.clients)
    if (!publicClient && !secret) throw new Error(`The realm file cannot be used: client ${clientId} has no secret`)
  const inScope = (list: z.infer<typeof mappings>, id: string) =>
    list.filter((mapping) => mapping.client === id).flatMap(({ roles }) => roles)
  const containerId = stableId('realm', file.realm)
  return {
    ...file,
    name: file.realm,
    profile:
      components['org.keycloak.userprofile.UserProfileProvider'][0].config['kc.user.profile.config'][0].attributes,
    roles: [...BUILT_IN_ROLES, ...file.roles.realm].map((role) => ({
      id: stableId('role', role.name),
      ...role,
      ...{ composite: role.name === DEFAULT_ROLE, clientRole: false, containerId },
    })),
    groups: file.groups.map((group) => ({ ...group, id: stableId('group', group.path), subGroups: [] })),
    clients: file.clients.map((entry) => ({
      ...entry,
      accessTokenLifespan: Number(entry.attributes['access.token.lifespan'] ?? file.accessTokenLifespan),
      scopeRoles: inScope(file.scopeMappings, entry.clientId),
      scopeClientRoles: Object.entries(file.clientScopeMappings).map(
        ([owner, list]) => [owner, inScope(list, entry.clientId)] as const,
      ),
    })),
  }
}

/** Ids of what comes from the file need no storage: the same name has the same id after every start. */
function stableId(kind: string, name: string): string {
  const hex = createHash('sha256').update(`${kind}:${name}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
