/**
 * What the runner of real parts says to their suites.
 * @throws Error when the suite runs without its part
 */
export function fromPart(variable: string): string {
  const value = process.env[variable]
  if (!value) throw new Error(`${variable} is not set: run this suite with \`make test-platform\``)
  return value
}
