/** As much of a browser as a login needs: it keeps cookies, fills in the form, and does not follow redirects out. */
export type Browser = {
  /** Opens a page of the provider and signs in there. @returns where it is sent, or the page's status and text when it stays */
  signIn(page: string, username: string, password: string): Promise<Visit>
  open(page: string): Promise<Visit>
}

export type Visit = { status: number; location: string | undefined; text: string }

const FORM = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/
const HIDDEN = /<input[^>]*type="hidden"[^>]*>/g

export function openBrowser(): Browser {
  const cookies = new Map<string, string>()
  const visit = async (page: string, form?: URLSearchParams): Promise<Visit> => {
    const answer = await fetch(page, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { body: form } : {}),
    })
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    return { status: answer.status, location: answer.headers.get('location') ?? undefined, text: await answer.text() }
  }
  /** Redirects within the provider are its own affair. */
  const follow = async (first: Visit, from: string): Promise<Visit> => {
    let seen = first
    for (let hops = 0; hops < 5 && seen.location; hops += 1) {
      const next = new URL(seen.location, from)
      if (next.origin !== new URL(from).origin) break
      seen = await visit(next.href)
    }
    return seen
  }
  const open = async (page: string) => follow(await visit(page), page)
  return {
    open,
    signIn: async (page, username, password) => {
      const { text } = await open(page)
      const action = FORM.exec(text)?.[1]?.replaceAll('&amp;', '&')
      if (!action) throw new Error(`no login form at ${page}: ${text.slice(0, 300)}`)
      const form = new URLSearchParams({ username, password })
      for (const [input] of text.matchAll(HIDDEN)) form.set(attribute(input, 'name'), attribute(input, 'value'))
      return follow(await visit(new URL(action, page).href, form), page)
    },
  }
}

const attribute = (tag: string, name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
