import { createHash, randomBytes } from 'node:crypto'
import { BASE_URL, type TestIdentity } from './identity.fixture.ts'

export const CALLBACK = 'http://localhost:8000/auth/callback'

export type Page = { status: number; text: string; location: URL | undefined; headers: Headers }

/** A browser: keeps cookies by path, follows nothing by itself, and reaches the provider wherever it listens. */
export function createBrowser({ url: address }: TestIdentity) {
  const jar = new Map<string, { value: string; path: string }>()

  const go = async (target: string | URL, form?: Record<string, string>): Promise<Page> => {
    const url = new URL(target, BASE_URL)
    const cookies = [...jar].filter(
      ([, { path }]) => url.pathname === path || url.pathname.startsWith(`${path.replace(/\/$/, '')}/`),
    )
    const answer = await fetch(`${address}${url.pathname}${url.search}`, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        cookie: cookies.map(([key, { value }]) => `${key.split(';')[0]}=${value}`).join('; '),
        accept: 'text/html',
      },
      ...(form ? { body: new URLSearchParams(form) } : {}),
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/'
      const gone = value === '' || /max-age=0|expires=Thu, 01.Jan.1970/i.test(line)
      if (gone) jar.delete(`${name};${path}`)
      else jar.set(`${name};${path}`, { value, path })
    }
    const location = answer.headers.get('location')
    return {
      status: answer.status,
      text: await answer.text(),
      headers: answer.headers,
      location: location ? new URL(location, BASE_URL) : undefined,
    }
  }

  /** Sends the page's login form, with its hidden fields, after what `change` does to them. */
  const submit = (
    page: Page,
    username: string,
    password: string,
    change: (form: Record<string, string>) => void = () => {},
  ) => {
    const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/s.exec(page.text)?.[1]?.replaceAll('&amp;', '&')
    if (!action) throw new Error(`no login form: ${page.text}`)
    const hidden = [...page.text.matchAll(/<input type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"/g)]
    const form: Record<string, string> = Object.fromEntries(hidden.map(([, name, value]) => [name, value]))
    change(form)
    return go(action, { ...form, username, password })
  }
  return { go, submit, forget: () => jar.clear() }
}

/** An authorization request with PKCE; `more` replaces parameters, an empty text leaves one out. */
export function startFlow(more: Record<string, string> = {}) {
  const verifier = randomBytes(32).toString('base64url')
  const given = {
    client_id: 'jan-client',
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid profile email',
    state: 'a-state',
    nonce: 'a-nonce',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  }
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ''))
  return { verifier, url: `${BASE_URL}/realms/jan/protocol/openid-connect/auth?${query}` }
}
