export type Fields = Record<string, unknown>
export type Rule = [wanted: string, holds: (value: unknown) => boolean]

export const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const isText = (value: unknown): value is string => typeof value === 'string'

export const aText: Rule = ['a text', isText]
export const anObject: Rule = ['an object', isRecord]
export const oneOf = (...known: string[]): Rule => [`one of ${known.join(', ')}`, (value) => known.includes(value as string)]
export const wholeNumber = (min: number, max: number): Rule => [
  `a whole number from ${min} to ${max}`,
  (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
]

/** The first field that breaks its rule, and what it must be. Absent and null fields break none. */
export function findProblem(fields: Fields, rules: Record<string, Rule>) {
  for (const [field, [wanted, holds]] of Object.entries(rules)) {
    const value = fields[field] ?? undefined
    if (value !== undefined && !holds(value)) return { field, message: `${field} must be ${wanted}.` }
  }
  return undefined
}
