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

type Mapping = { client: string; roles: string[] }

/** What this provider reads of a Keycloak realm import; a test holds the file of this repository against it. */
export type RealmFile = {
  realm: string
  passwordPolicy: string
  accessTokenLifespan: number
  ssoSessionIdleTimeout: number
  ssoSessionMaxLifespan: number
  refreshTokenMaxReuse: number
  failureFactor: number
  waitIncrementSeconds: number
  maxFailureWaitSeconds: number
  quickLoginCheckMilliSeconds: number
  roles: { realm: { name: string; description: string }[] }
  groups: { name: string; path: string; realmRoles: string[] }[]
  clients: RealmClient[]
  scopeMappings: Mapping[]
  clientScopeMappings: Record<string, Mapping[]>
  users: { username: string; serviceAccountClientId: string; clientRoles: Record<string, string[]> }[]
  components: Record<string, { config: Record<string, string[]> }[]>
}
export type RealmClient = {
  clientId: string
  publicClient: boolean
  secret?: string
  standardFlowEnabled: boolean
  directAccessGrantsEnabled: boolean
  serviceAccountsEnabled: boolean
  redirectUris?: string[]
  webOrigins?: string[]
  attributes?: Record<string, string | undefined>
  protocolMappers: { config: Record<string, string | undefined> }[]
}
/** Of the user profile, which the file holds as a text of JSON. */
export type ProfileAttribute = {
  name: string
  validations: Record<string, { min?: number; max?: number; options?: string[] }>
}

/** Keycloak makes it in every realm; people have it, and nobody's token shows it (no scope mapping). */
export const DEFAULT_ROLE = 'default-roles-jan'

export type Realm = ReturnType<typeof readRealm>

/**
 * The realm as it is used here. Ids follow from names: the file gives none.
 * @throws Error for a rule of the password policy that nobody would hold passwords against
 */
export function readRealm({ components, passwordPolicy, roles, groups, ...file }: RealmFile) {
  const rules = passwordPolicy.split(' and ')
  const unknown = rules.find((rule) => !/^(length\(\d+\)|notUsername|notEmail)$/.test(rule))
  if (unknown) throw new Error(`The realm file cannot be used: unsupported password rule ${unknown}`)
  const [declared] = components['org.keycloak.userprofile.UserProfileProvider'] ?? []
  const profile: { attributes: ProfileAttribute[] } = JSON.parse(String(declared?.config['kc.user.profile.config']))
  const allRoles = [{ name: DEFAULT_ROLE, description: '' }, ...roles.realm]
  return {
    ...file,
    passwordPolicy: rules,
    profile: profile.attributes,
    roles: allRoles.map((role) => ({ id: `role-${role.name}`, ...role, composite: false, clientRole: false })),
    groups: groups.map((group) => ({ id: `group-${group.name}`, ...group })),
  }
}
