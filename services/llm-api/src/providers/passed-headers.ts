/** Headers of a provider that tell the client about its request. Everything else stays here: `x-ratelimit-*` are the operator's limits there, and the client has its own with us. */
const PASSED = /^(retry-after(-ms)?|openai-.+)$/
/** Names of the operator's own account. */
const OPERATORS = new Set(['openai-organization', 'openai-project'])

export function passedHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (PASSED.test(name) && !OPERATORS.has(name) && value !== undefined) passed[name] = String(value)
  }
  return passed
}
