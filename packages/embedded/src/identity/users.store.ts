import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { HttpError } from './http-error.ts'
import type { ProfileFields } from './user-profile.ts'
import type { UserSearch } from './user-search.ts'

export type User = ProfileFields & {
  id: string
  enabled: boolean
  emailVerified: boolean
  requiredActions: string[]
  /** Names of the realm roles given directly, not through a group. */
  roles: string[]
  /** Group paths. */
  groups: string[]
  clientRoles: Record<string, string[]>
  serviceAccountClient: string | null
  passwordHash: string | null
  /** Epoch seconds; sessions begun before are void. */
  notBefore: number
  /** Epoch milliseconds. */
  createdTimestamp: number
}
export type NewUser = Omit<User, 'id' | 'notBefore' | 'createdTimestamp' | 'clientRoles' | 'serviceAccountClient'>
export type UserChanges = Omit<NewUser, 'roles' | 'groups' | 'passwordHash'>

const COLUMNS = `id, username, email, first_name AS "firstName", last_name AS "lastName", enabled,
  email_verified AS "emailVerified", attributes, required_actions AS "requiredActions", roles, groups,
  client_roles AS "clientRoles", service_account_client AS "serviceAccountClient", password_hash AS "passwordHash",
  not_before::float8 AS "notBefore", floor(extract(epoch FROM created_at) * 1000)::float8 AS "createdTimestamp"`

export type UserStore = ReturnType<typeof createUserStore>

/** Users in PostgreSQL. Usernames and e-mails are kept in lower case by the callers; a taken one is a 409. */
export function createUserStore(pool: pg.Pool) {
  const one = async (where: string, values: unknown[]): Promise<User | undefined> =>
    (await pool.query<User>(`SELECT ${COLUMNS} FROM identity_user WHERE ${where}`, values)).rows[0]
  const change = (id: string, assignment: string, ...values: unknown[]) =>
    pool.query(`UPDATE identity_user SET ${assignment} WHERE id = $1`, [id, ...values])

  return {
    find: async (id: string) => (UUID.test(id) ? one('id = $1', [id]) : undefined),
    findByEmail: (email: string) => one('email = $1', [email]),
    findByUsername: (username: string) => one('username = $1', [username]),
    findServiceAccount: (clientId: string) => one('service_account_client = $1', [clientId]),

    async create(user: NewUser): Promise<string> {
      await requireFree(pool, user)
      const id = randomUUID()
      await unlessTaken(
        pool.query(
          `INSERT INTO identity_user (id, username, email, first_name, last_name, enabled, email_verified, attributes,
             required_actions, roles, groups, password_hash, client_roles)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '{}')`,
          [id, ...profileValues(user), user.roles, user.groups, user.passwordHash],
        ),
      )
      return id
    },

    async update(id: string, user: UserChanges): Promise<void> {
      await requireFree(pool, user, id)
      await unlessTaken(
        change(
          id,
          `username = $2, email = $3, first_name = $4, last_name = $5, enabled = $6, email_verified = $7,
           attributes = $8, required_actions = $9`,
          ...profileValues(user),
        ),
      )
    },

    delete: (id: string) => pool.query('DELETE FROM identity_user WHERE id = $1', [id]),

    /** A temporary password has to be changed at the next login, so nobody can get a token with it. */
    setPassword: (id: string, hash: string, temporary: boolean) =>
      change(
        id,
        `password_hash = $2, required_actions = array_remove(required_actions, 'UPDATE_PASSWORD') || $3::text[]`,
        hash,
        temporary ? ['UPDATE_PASSWORD'] : [],
      ),
    addRoles: (id: string, roles: string[]) =>
      change(id, 'roles = ARRAY(SELECT unnest(roles) UNION SELECT unnest($2::text[]))', roles),
    removeRoles: (id: string, roles: string[]) =>
      change(id, 'roles = ARRAY(SELECT unnest(roles) EXCEPT SELECT unnest($2::text[]))', roles),
    joinGroup: (id: string, path: string) => change(id, 'groups = array_remove(groups, $2) || $2::text', path),
    leaveGroup: (id: string, path: string) => change(id, 'groups = array_remove(groups, $2)', path),
    setNotBefore: (id: string, epochSeconds: number) => change(id, 'not_before = $2', epochSeconds),

    /** @param max number of users at most; negative for all */
    async search(search: UserSearch, first: number, max: number): Promise<User[]> {
      const { where, values } = condition(search)
      const sql = `SELECT ${COLUMNS} FROM identity_user WHERE ${where} ORDER BY username OFFSET ${first} LIMIT ${max < 0 ? 'ALL' : max}`
      return (await pool.query<User>(sql, values)).rows
    },

    async count(search: UserSearch): Promise<number> {
      const { where, values } = condition(search)
      return Number((await pool.query(`SELECT count(*) FROM identity_user WHERE ${where}`, values)).rows[0].count)
    },
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const taken = (field: string) => new HttpError(409, { errorMessage: `User exists with same ${field}` })

/**
 * Nobody's username may be somebody else's e-mail: with login by e-mail that would be two people under one name.
 * @param self the user who may keep both
 */
async function requireFree(pool: pg.Pool, user: UserChanges, self?: string): Promise<void> {
  const held = await pool.query<{ field: string }>(
    `SELECT CASE WHEN $1 IN (username, email) THEN 'username' ELSE 'email' END AS field FROM identity_user
     WHERE (username IN ($1, $2) OR email IN ($1, $2)) AND id IS DISTINCT FROM $3 ORDER BY field DESC LIMIT 1`,
    [user.username, user.email, self],
  )
  if (held.rows[0]) throw taken(held.rows[0].field)
}

/** Two requests may pass `requireFree` together; the second one then meets a constraint. */
async function unlessTaken<Result>(query: Promise<Result>): Promise<Result> {
  try {
    return await query
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== '23505') throw error
    throw taken(error.constraint === 'identity_user_email' ? 'email' : 'username')
  }
}

const profileValues = (user: UserChanges) => [
  user.username,
  user.email,
  user.firstName,
  user.lastName,
  user.enabled,
  user.emailVerified,
  user.attributes,
  user.requiredActions,
]

const FIELDS: Record<string, string> = {
  username: 'username',
  email: 'email',
  firstName: 'lower(first_name)',
  lastName: 'lower(last_name)',
}

function condition(search: UserSearch): { where: string; values: unknown[] } {
  const values: unknown[] = []
  const bind = (value: unknown) => `$${values.push(value)}`
  const conditions = ['TRUE']
  for (const field of ['username', 'email', 'firstName', 'lastName'] as const) {
    const value = search[field]
    if (value !== undefined)
      conditions.push(`${FIELDS[field]} LIKE ${bind(search.exact ? literal(value) : `%${literal(value)}%`)}`)
  }
  for (const word of search.search?.split(/\s+/).filter(Boolean) ?? []) {
    const pattern = bind(wordPattern(word, search.exact))
    conditions.push(
      `(${Object.values(FIELDS)
        .map((column) => `${column} LIKE ${pattern}`)
        .join(' OR ')})`,
    )
  }
  for (const [name, value] of search.attributes) {
    const wanted = bind(value.toLowerCase())
    conditions.push(
      FIELDS[name]
        ? `${FIELDS[name]} = ${wanted}`
        : `EXISTS (SELECT FROM jsonb_array_elements_text(attributes->${bind(name)}) AS held WHERE lower(held) = ${wanted})`,
    )
  }
  if (search.enabled !== undefined) conditions.push(`enabled = ${bind(search.enabled)}`)
  if (search.emailVerified !== undefined) conditions.push(`email_verified = ${bind(search.emailVerified)}`)
  if (search.createdBefore !== undefined)
    conditions.push(`created_at <= to_timestamp(${bind(search.createdBefore / 1000)})`)
  if (search.createdAfter !== undefined)
    conditions.push(`created_at >= to_timestamp(${bind(search.createdAfter / 1000)})`)
  // Service accounts are not people: they show up only when asked for by name.
  if (search.username === undefined) conditions.push('service_account_client IS NULL')
  return { where: conditions.join(' AND '), values }
}

const literal = (text: string) => text.toLowerCase().replace(/[\\%_]/g, '\\$&')

function wordPattern(word: string, exact: boolean): string {
  const quoted = /^"(.*)"$/.exec(word)?.[1]
  if (exact || quoted !== undefined) return literal(quoted ?? word)
  return `${literal(word).replaceAll('*', '%')}%`
}
