import { z } from 'zod'
import { HttpError } from './http-error.ts'
import type { ProfileAttribute } from './realm-file.ts'
import type { User } from './users.store.ts'

export type Profile = Pick<User, 'username' | 'email' | 'firstName' | 'lastName' | 'attributes'>

const USERNAME = /^[^<>&"'\s$%!#?§,;:*~/\\|^=[\]{}()`\p{Cc}]+$/u
const LATIN = /^[\p{Script=Latin}\p{Script=Common}]+$/u
const PERSON_NAME = /^[^<>&"\v$%!#?§;*~/\\|^=[\]{}()\p{Cc}]+$/u

type Violation = [error: string, ...params: unknown[]]
type Check = (value: string, options: ProfileAttribute['validations'][string]) => Violation | false

const CHECKS: Record<string, Check> = {
  length: (value, { min, max }) =>
    (value.length < (min ?? 0) || value.length > (max ?? Number.POSITIVE_INFINITY)) && [
      `error-invalid-length${min === undefined ? '-too-long' : ''}`,
      min ?? null,
      max ?? null,
    ],
  email: (value) => !z.regexes.html5Email.test(value) && ['error-invalid-email', value],
  options: (value, { options }) => !options?.includes(value) && ['error-invalid-value'],
  'username-prohibited-characters': (value) => !USERNAME.test(value) && ['error-username-invalid-character'],
  'up-username-not-idn-homograph': (value) => !LATIN.test(value) && ['error-username-invalid-character'],
  'person-name-prohibited-characters': (value) => !PERSON_NAME.test(value) && ['error-person-name-invalid-character'],
}

/**
 * Holds a user against the realm's declarative user profile.
 * @throws HttpError 400 with Keycloak's body: one violation as it is, several as `{ errors }`
 */
export function requireValidProfile(profile: ProfileAttribute[], { attributes, ...names }: Profile): void {
  const given: Record<string, unknown> = { ...attributes, ...names }
  const errors = profile.flatMap(({ name, validations }) =>
    [given[name] ?? []].flat().flatMap((value) =>
      Object.entries(validations).flatMap(([check, options]) => {
        const [errorMessage, ...params] = CHECKS[check]?.(String(value), options) || []
        return errorMessage ? [{ field: name, errorMessage, params: [name, ...params] }] : []
      }),
    ),
  )
  if (errors.length > 0) throw new HttpError(400, errors.length === 1 ? errors[0] : { errors })
}
