type Variables = Readonly<Record<string, string | undefined>>

const VARIABLE = /\$(\$)?\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g

/**
 * `${VAR}` and `${VAR:-default}` in every text of a parsed document; what is unset or empty, and has no default, is ''.
 * `$${VAR}` stands for `${VAR}`. Every other `$` stays: passwords are full of them.
 */
export function expandVariables(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string')
    return value.replace(VARIABLE, (whole, escaped: string | undefined, name: string, byDefault = '') =>
      escaped ? whole.slice(1) : variables[name] || byDefault,
    )
  if (Array.isArray(value)) return value.map((each) => expandVariables(each, variables))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expandVariables(each, variables)]))
}
