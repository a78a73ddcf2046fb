import { MediaId, ResolveMedia } from '@jan/contracts/media'
import { z } from 'zod'

/** Identity providers differ in what an id looks like; only what could not be one is refused. */
const UserId = z
  .string()
  .regex(/^[^\s\p{Cc}\p{Cs}]{1,128}$/u, 'expected 1 to 128 characters without spaces')
  .describe('Whom a service acts for; a person always acts for themselves, so it is ignored with their token')

export const IngestMedia = z
  .object({
    source: z.object({
      type: z
        .string()
        .max(64)
        .describe('data_url (or datauri, dataurl) or remote_url (or remoteuri, remote), in any letter case'),
      data_url: z.string().optional().describe('With data_url: data:<type>;base64,<bytes>'),
      url: z.string().optional().describe('With remote_url: an http or https URL that this service fetches'),
    }),
    filename: z.string().max(255).optional().describe('What a browser saves the image as'),
    user_id: UserId.optional(),
  })
  .meta({ id: 'IngestMedia' })
export type IngestMedia = z.output<typeof IngestMedia>

export const IngestedMedia = z
  .looseObject({
    id: MediaId,
    mime: z.string().describe('Found by looking at the bytes'),
    bytes: z.int(),
    deduped: z.boolean().describe('Whether these bytes were stored already'),
    presigned_url: z.url(),
  })
  .meta({ id: 'IngestedMedia' })

export const ResolveMediaRequest = ResolveMedia.safeExtend({ user_id: UserId.optional() }).meta({
  id: 'ResolveMediaRequest',
})
export type ResolveMediaRequest = z.output<typeof ResolveMediaRequest>

export const PresignedMedia = z
  .looseObject({ id: MediaId, url: z.url(), expires_in: z.int().describe('Seconds') })
  .meta({ id: 'PresignedMedia' })

export const MediaLocation = z
  .looseObject({ url: z.url() })
  .describe('The bytes; or, where downloads are not proxied, a short-lived URL to them')
  .meta({ id: 'MediaLocation' })
