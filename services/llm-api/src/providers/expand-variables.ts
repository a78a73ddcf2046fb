const VARIABLE = /\$(?:\$|\{([A-Za-z_]\w*)(?::-([^}]*))?\}|([A-Za-z_]\w*))/g

/** `$VAR`, `${VAR}`, `${VAR:-default}` and `$$`, in every text of a parsed document. What is unset or empty, and has no default, is ''. */
export function expandVariables(value: unknown, source: Readonly<Record<string, string | undefined>>): unknown {
  if (typeof value === 'string')
    return value.replace(VARIABLE, (whole, braced?: string, byDefault = '', plain?: string) =>
      whole === '$$' ? '$' : source[(braced ?? plain)!] || byDefault,
    )
  if (Array.isArray(value)) return value.map((each) => expandVariables(each, source))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expandVariables(each, source)]))
}
