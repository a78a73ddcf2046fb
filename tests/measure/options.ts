/** What whoever started a measurement got wrong: told in one line, exit code 2. */
export class BadOption extends Error {}

/** Variables of the environment; an empty one counts as absent. */
export type Variables = Record<string, string | undefined>

/** `ONLY`: names, or what stands before their colon, with commas between. @throws BadOption @returns all without it */
export function readOnly({ ONLY }: Variables, names: string[]): string[] {
  if (!ONLY) return names
  const wanted = ONLY.split(',').map((each) => each.trim())
  const matches = (name: string, each: string) => name === each || name.startsWith(`${each}:`)
  const unknown = wanted.find((each) => !names.some((name) => matches(name, each)))
  if (unknown !== undefined)
    throw new BadOption(`ONLY: there is no scenario '${unknown}'; there are ${names.join(', ')}`)
  return names.filter((name) => wanted.some((each) => matches(name, each)))
}

/** @throws BadOption */
export function readWhole(
  given: Variables,
  name: string,
  { least, most }: { least: number; most: number },
): number | undefined {
  const text = given[name]
  if (!text) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new BadOption(`${name}: '${text}' is not a whole number from ${least} to ${most}`)
}

/** @throws BadOption */
export function readSwitch(given: Variables, name: string): boolean {
  const text = given[name] || '0'
  if (text !== '0' && text !== '1') throw new BadOption(`${name}: '${text}' is neither 0 nor 1`)
  return text === '1'
}
