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
