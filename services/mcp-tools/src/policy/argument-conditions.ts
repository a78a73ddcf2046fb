import { parsePointer } from '../scrape/json-pointer.ts'
import { compileGlob, compileRegex, type Matches } from './linear-pattern.ts'
import { listOf } from './name-patterns.ts'
import type { PolicyRule } from './policy.schema.ts'

/** Longest text that is looked at, in UTF-16 units. */
export const LONGEST_TEXT = 16_384

type Conditions = NonNullable<PolicyRule['arguments']>

/**
 * Whether the arguments of a call are those that a rule is about. What cannot be judged, because it is too long, counts
 * against the caller: it is what a rule refuses, and never what a rule allows. So of a list one entry is enough to
 * refuse, and to allow it takes all. An argument that is not there is neither.
 */
export function compileConditions(conditions: Conditions, allows: boolean): (args: unknown) => boolean {
  const all = Object.entries(conditions).map(([pointer, pattern]) => ({
    path: parsePointer(pointer)!,
    matches: compilePattern(pattern),
  }))
  return (args) =>
    all.every(({ path, matches }) => {
      const texts = textsAt(args, path)
      const fits = (text: string) => (text.length > LONGEST_TEXT ? !allows : matches(text))
      return texts.length > 0 && (allows ? texts.every(fits) : texts.some(fits))
    })
}

function compilePattern(pattern: Conditions[string]): Matches {
  if (typeof pattern === 'object' && 'regex' in pattern)
    return compileRegex(pattern.regex, { ignoreCase: pattern.ignore_case })
  const globs = listOf(pattern).map(compileGlob)
  return (text) => globs.some((fits) => fits(text))
}

/** The texts at one place: of a list its entries, of numbers and the like how JSON writes them. */
function textsAt(args: unknown, path: string[]): string[] {
  let value = args
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return []
    value = (value as Record<string, unknown>)[key]
  }
  return listOf(value).map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
}
