import { HttpError } from './http-error.ts'
import type { ProfileAttribute } from './realm-file.ts'
import type { User } from './users.store.ts'

export type ProfileFields = Pick<User, 'username' | 'email' | 'firstName' | 'lastName' | 'attributes'>
type Violation = { field: string; errorMessage: string; params: unknown[] }

const EMAIL =
  /^[^\s@<>()[\],;:"\\]{1,64}@(?!.{256})[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i
const USERNAME = /^[^<>&"'\s$%!#?§,;:*~/\\|^=[\]{}()`\p{Cc}]+$/u
const LATIN = /^[\p{Script=Latin}\p{Script=Common}]+$/u
const PERSON_NAME = /^[^<>&"\v$%!#?§;*~/\\|^=[\]{}()\p{Cc}]+$/u

/**
 * Holds a user against the realm's declarative user profile.
 * @throws HttpError 400 with Keycloak's body: one violation as it is, several as `{ errors }`
 */
export function requireValidProfile(profile: ProfileAttribute[], user: ProfileFields): void {
  const violations = profile.flatMap((attribute) => {
    const values = valuesOf(user, attribute.name).filter((value) => value !== '')
    if (values.length > 1) return [violation(attribute.name, 'error-invalid-multivalued-size', 0, 1)]
    return values.flatMap((value) => check(attribute, value))
  })
  if (violations.length === 0) return
  throw new HttpError(400, violations.length === 1 ? violations[0] : { errors: violations })
}

function valuesOf(user: ProfileFields, name: string): string[] {
  if (name === 'username' || name === 'email' || name === 'firstName' || name === 'lastName') return [user[name] ?? '']
  return user.attributes[name] ?? []
}

function violation(field: string, errorMessage: string, ...details: unknown[]): Violation {
  return { field, errorMessage, params: [field, ...details] }
}

function check({ name, validations }: ProfileAttribute, value: string): Violation[] {
  const found: Violation[] = []
  const { min, max } = validations.length ?? {}
  if (value.length < (min ?? 0) || value.length > (max ?? Number.POSITIVE_INFINITY)) {
    const which = min === undefined ? '-too-long' : max === undefined ? '-too-short' : ''
    found.push(violation(name, `error-invalid-length${which}`, min ?? null, max ?? null))
  }
  if (validations.email && !EMAIL.test(value)) found.push(violation(name, 'error-invalid-email', value))
  if (validations.options && !validations.options.options.includes(value))
    found.push(violation(name, 'error-invalid-value'))
  const badUsername =
    (validations['username-prohibited-characters'] && !USERNAME.test(value)) ||
    (validations['up-username-not-idn-homograph'] && !LATIN.test(value))
  if (badUsername) found.push(violation(name, 'error-username-invalid-character'))
  if (validations['person-name-prohibited-characters'] && !PERSON_NAME.test(value)) {
    found.push(violation(name, 'error-person-name-invalid-character'))
  }
  return found
}
