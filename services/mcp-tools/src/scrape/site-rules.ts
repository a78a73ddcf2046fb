import robotsParser from 'robots-parser'

/** Whether a site's rules let us read a page. */
export type SiteRules = {
  /** What one question costs, about a path of that length: characters that are looked at, at most; infinite for too many rules. */
  work(pathLength: number): number
  isAllowed(url: string): boolean
}

/** Its own types take what it exports for a property of that. */
const parseRules = robotsParser as unknown as (
  url: string,
  rules: string,
) => { isAllowed(url: string, product: string): boolean | undefined }

const EVERYBODY = '*'
/** To read that many takes a tenth of a second, which nobody else has meanwhile. */
const MOST_RULES = 5_000

/**
 * Reads a robots.txt. The parser sees only the rules that are for `product`, or for everybody when none are: it keeps
 * each rule of a group once for each name of the group, and thousands of both would be all the memory there is.
 */
export function readSiteRules(rulesUrl: string, text: string, product: string): SiteRules {
  const groups = groupsIn(text, product.toLowerCase())
  const rules = groups.get(product.toLowerCase()) ?? groups.get(EVERYBODY) ?? []
  if (rules.length > MOST_RULES) return { work: () => Number.POSITIVE_INFINITY, isAllowed: () => false }
  const parsed = parseRules(rulesUrl, [`user-agent: ${EVERYBODY}`, ...rules].join('\n'))
  // Only behind a * is more than one place of the path looked at; but each rule makes a list as long as the path.
  const starred = rules.reduce((sum, rule) => sum + (rule.includes('*') ? rule.length : 0), 0)
  return {
    work: (pathLength) => (rules.length + starred) * pathLength,
    isAllowed: (url) => parsed.isAllowed(url, product) !== false,
  }
}

/** The rules of the groups that are about us or everybody, as lines; groups of the same name are one (RFC 9309 §2.2.1). */
function groupsIn(text: string, product: string): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  const named = new Set<string>()
  let isNaming = false
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, rawName, rawValue] = /^([^:#]+):([^#]*)/.exec(line) ?? []
    const [name, value] = [rawName?.trim().toLowerCase(), rawValue?.trim() ?? '']
    if (!name) continue
    if (name === 'user-agent') {
      if (!isNaming) named.clear()
      const agent = value.toLowerCase().replace(/\/.*/, '').trim()
      if (agent === product || agent === EVERYBODY) named.add(agent)
    }
    isNaming = name === 'user-agent'
    // A delay alone makes a group, too, in which everything is open.
    const rule = name === 'allow' || name === 'disallow' ? `${name}: ${value}` : 'disallow:'
    if (/^(?:allow|disallow|crawl-delay)$/.test(name))
      for (const agent of named) {
        const rules = groups.get(agent) ?? []
        rules.push(rule)
        groups.set(agent, rules)
      }
  }
  return groups
}
