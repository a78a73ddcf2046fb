const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** No script, nothing from elsewhere. `form-action` stays open: the answer to the form redirects to the client. */
export const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'Referrer-Policy': 'no-referrer',
}

/** A page with a heading. @param content HTML */
export const page = (title: string, content: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:22rem;margin:10vh auto;padding:0 1rem;color:#18181b;background:#f4f4f5}
label{display:block;margin-top:1rem}input,button{font:inherit;box-sizing:border-box;width:100%;padding:.5rem}
button{margin-top:1.5rem;border:0;background:#1d4ed8;color:#fff}[role=alert]{color:#b91c1c}</style></head>
<body><main><h1>${title}</h1>${content}</main></body></html>`

export const errorPage = (text: string) => page('We are sorry…', `<p id="kc-error-message">${escaped(text)}</p>`)

/** The form that asks to confirm signing out. @param form of the library, with its secret and without a button */
export const logoutPage = (form: string) =>
  page('Sign out', form.replace('</form>', '<button name="logout" value="yes">Sign out</button></form>'))

/** @param username what was typed before @param wrong whether it was refused */
export function loginPage(form: { action: string; csrf: string; username?: string; wrong?: boolean }): string {
  const alert = form.wrong ? '<p role="alert" id="input-error">Invalid username or password.</p>' : ''
  return page(
    'Sign in to Jan Server',
    `${alert}<form id="kc-form-login" method="post" action="${escaped(form.action)}">
<input type="hidden" name="csrf" value="${escaped(form.csrf)}">
<label for="username">Username or e-mail</label>
<input id="username" name="username" value="${escaped(form.username ?? '')}" autocomplete="username" autofocus required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button id="kc-login" type="submit">Sign in</button></form>`,
  )
}
