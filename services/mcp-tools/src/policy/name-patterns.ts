import { compileGlob, type Matches } from './linear-pattern.ts'

export const listOf = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value])

/** Fits what one of the globs fits (any name, when all of them leave something out), and none of those after a `!` does. */
export function compileNames(patterns: string | string[] | undefined): Matches {
  if (patterns === undefined) return () => true
  const all = listOf(patterns)
  const without = all.filter((each) => each.startsWith('!')).map((each) => compileGlob(each.slice(1)))
  const within = all.filter((each) => !each.startsWith('!')).map(compileGlob)
  return (name) =>
    (within.length === 0 || within.some((fits) => fits(name))) && !without.some((leavesOut) => leavesOut(name))
}
