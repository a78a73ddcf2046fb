import { z } from 'zod'

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/
const VISIBLE = /^[\x20-\x7e]*$/
/** What the connection and the protocol say themselves. */
const TAKEN = /^(host|connection|content-.*|transfer-encoding|upgrade|te|trailer|expect|accept|mcp-.*|proxy-.*)$/i

/** Headers that are sent to a server with every request. */
export const HeaderMap = z.record(z.string(), z.string().max(8_192)).superRefine((headers, context) => {
  const wrong = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message })
  if (Object.keys(headers).length > 32) wrong('', 'expected at most 32 headers')
  for (const [name, value] of Object.entries(headers)) {
    if (!TOKEN.test(name)) wrong(name, 'is no name of a header')
    else if (TAKEN.test(name)) wrong(name, 'is set by the protocol itself')
    if (!VISIBLE.test(value)) wrong(name, 'expected printable ASCII')
  }
})
