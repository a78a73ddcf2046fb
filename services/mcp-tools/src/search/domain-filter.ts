/**
 * A domain as results are compared with: `https://WWW.Example.com/` and `example.com` are the same. Undefined when the
 * text is no domain; a path is none, because a list of domains cannot keep the promise of a path.
 */
export function normaliseDomain(text: string): string | undefined {
  const url = URL.parse(`http://${text.trim().replace(/^https?:\/\//i, '')}`)
  if (!url || url.port || url.username || url.password || url.pathname !== '/' || url.search || url.hash)
    return undefined
  return url.hostname.replace(/^www\./, '').replace(/\.$/, '') || undefined
}

const covers = (domain: string, host: string): boolean => host === domain || host.endsWith(`.${domain}`)

/** What both lists allow. Undefined is a list that allows everything; a caller's list can only narrow the operator's. */
export function narrow(operator: string[] | undefined, caller: string[] | undefined): string[] | undefined {
  if (!operator || !caller) return operator ?? caller
  const inner = caller.filter((domain) => operator.some((each) => covers(each, domain)))
  const outer = operator.filter((domain) => caller.some((each) => covers(each, domain)))
  return [...new Set([...inner, ...outer])]
}

export function isAllowed(allowed: string[] | undefined, pageUrl: string): boolean {
  if (!allowed) return true
  const host = URL.parse(pageUrl)?.hostname.replace(/\.$/, '')
  return host !== undefined && allowed.some((domain) => covers(domain, host))
}

/** Asks engines for the domains right away: filtering alone would leave few of ten results. */
export const withSites = (q: string, allowed: string[] | undefined): string =>
  allowed ? `(${q}) (${allowed.map((domain) => `site:${domain}`).join(' OR ')})` : q
