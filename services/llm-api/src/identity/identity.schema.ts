import { z } from 'zod'

export const GuestTokens = z
  .looseObject({
    user_id: z.string().describe('Subject of the tokens'),
    username: z.string().describe('guest- and a UUID'),
    principal_id: z.string().describe('The same as user_id'),
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.number().describe('Life of the access token, in seconds'),
  })
  .meta({ id: 'GuestTokens' })

export const RefreshRequest = z
  .looseObject({ refresh_token: z.string('required').min(1, 'required') })
  .meta({ id: 'RefreshRequest' })

export const LoginQuery = z.object({
  redirect_url: z.string().optional().describe('Where the login ends; one of LOGIN_REDIRECT_URLS'),
})

export const LoginStarted = z
  .looseObject({
    authorization_url: z.url().describe('Page of the identity provider to send the browser to'),
    state: z.string().describe('Comes back from there; good once, for ten minutes'),
  })
  .meta({ id: 'LoginStarted' })

/** What a provider sends a browser back with. */
export const CallbackQuery = z.object({
  code: z.string().optional(),
  state: z.string().optional(),
  iss: z.string().optional(),
  error: z.string().optional(),
  error_description: z.string().optional(),
})

export const ValidToken = z
  .looseObject({ valid: z.literal(true), user_info: z.record(z.string(), z.unknown()).describe("OpenID's userinfo") })
  .meta({ id: 'ValidToken' })

export const UpgradeRequest = z
  .looseObject({
    email: z.email(),
    password: z.string().min(1).describe("At least what the realm's policy asks: 8 characters"),
    full_name: z.string().optional(),
  })
  .meta({ id: 'UpgradeRequest' })

export const Upgraded = z.looseObject({ status: z.literal('upgraded') }).meta({ id: 'Upgraded' })
export const LoggedOut = z.looseObject({ status: z.literal('logged out') }).meta({ id: 'LoggedOut' })
export const Revoked = z.looseObject({ message: z.string() }).meta({ id: 'Revoked' })

export const RefreshedTokens = z
  .looseObject({
    access_token: z.string(),
    refresh_token: z.string().describe('Takes the place of the one sent, which must not be used again'),
    token_type: z.literal('Bearer'),
    expires_in: z.number().describe('Life of the access token, in seconds'),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'RefreshedTokens' })

export const Me = z
  .looseObject({
    id: z.string(),
    subject: z.string().describe('The same as id'),
    username: z.string().optional(),
    name: z.string().optional(),
    email: z.string().optional(),
    kind: z.enum(['user', 'guest', 'key']).describe('A human, a guest, or a key that acts for a human'),
    roles: z.array(z.string()),
    is_guest: z.boolean(),
    auth_method: z.enum(['jwt', 'apikey']),
  })
  .meta({ id: 'Me' })
