import { type AppError, invalid } from '@jan/service-kit/errors'
import type { z } from 'zod'

/** `items[3].content[0].text`, as it would stand in code. */
export const placeOf = (root: string, path: PropertyKey[]): string =>
  path.reduce<string>((place, step) => place + (typeof step === 'number' ? `[${step}]` : `.${String(step)}`), root)

/** With an empty root, a place is told from the body's own fields on. */
export function wrongAt(place: string, message: string): AppError {
  const told = place.replace(/^\./, '') || 'body'
  return invalid(`${told}: ${message}`, told)
}

/** @throws AppError `invalid_request` that names the place of the first thing that is wrong */
export function parsedAt<T extends z.ZodType>(schema: T, value: unknown, place: string): z.output<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw wrongAt(placeOf(place, issue?.path ?? []), issue?.message ?? 'is wrong')
}
