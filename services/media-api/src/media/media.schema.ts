import { MediaId, ResolveMedia } from '@jan/contracts/media'
import { PageQuery, pageOf } from '@jan/service-kit/page'
import { z } from 'zod'

/** Identity providers differ in what an id looks like; only what could not be one is refused. */
export const UserId = z
  .string()
  .regex(/^[^\s\p{Cc}\p{Cs}]{1,128}$/u, 'expected 1 to 128 characters without spaces')
  .describe('Whom a service acts for; a person always acts for themselves, so it is ignored with their token')

const Sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'expected 64 hex digits')
  .describe('SHA-256 of the bytes, in hex: others are refused')

/** No database keeps NUL or half a character, and no name needs what cannot be seen. */
const Filename = z
  .string()
  .max(255)
  .overwrite((name) => name.replace(/\p{C}/gu, ''))
  .describe('What a browser saves it as')

export const FormFields = z.looseObject({
  filename: Filename.optional(),
  sha256: Sha256.optional(),
})

/** Whom the sender of a form acts for. */
export const FormOwner = z.looseObject({ user_id: UserId.optional() })

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
    filename: Filename.optional(),
    sha256: Sha256.optional(),
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

export const PrepareUpload = z
  .object({
    mime_type: z
      .string()
      .regex(/^[ -~]{1,128}$/, 'expected a content type')
      .describe('What will be sent; the bytes must be of this type'),
    bytes: z.int().min(1).optional().describe('How many bytes will be sent; the URL takes no other number then'),
    sha256: Sha256.optional(),
    filename: Filename.optional(),
    user_id: UserId.optional(),
  })
  .meta({ id: 'PrepareUpload' })
export type PrepareUpload = z.output<typeof PrepareUpload>

export const UploadSlot = z
  .looseObject({
    id: MediaId,
    upload_url: z.url().describe('PUT the bytes here, with the headers below'),
    headers: z.record(z.string(), z.string()).describe('To be sent with the PUT, as they are'),
    mime_type: z.string(),
    expires_in: z.int().describe('Seconds'),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'UploadSlot' })

export const MediaMetadata = z
  .looseObject({
    id: MediaId,
    object: z.literal('media'),
    mime: z.string(),
    bytes: z.int(),
    sha256: z.string().describe('Lower-case hex'),
    filename: z.string(),
    width: z.int().optional().describe('Of a picture, in pixels'),
    height: z.int().optional(),
    pages: z.int().optional().describe('Of a PDF'),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable().describe('When it is deleted; sending it again puts that off'),
  })
  .meta({ id: 'MediaMetadata' })

/** Of a list: the id of a row of another page. */
export const Cursor = z.string().refine((id) => MediaId.safeParse(id).success, 'expected the id of a row')

export const MediaListQuery = PageQuery.extend({
  after: Cursor.optional().describe('Rows after the one with this id'),
  before: Cursor.optional().describe('Rows before the one with this id'),
  type: z
    .string()
    .regex(/^[ -~]{1,128}$/, 'expected a content type')
    .optional()
    .describe('A whole type, or a kind: image/png, image/'),
  since: z.coerce
    .date('expected a time, such as 2026-01-31T12:00:00Z')
    .optional()
    .describe('Made at this time or later'),
  until: z.coerce.date('expected a time, such as 2026-01-31T12:00:00Z').optional().describe('Made before this time'),
  user_id: UserId.optional(),
})
export const MediaList = pageOf(MediaMetadata).meta({ id: 'MediaList' })

export const MediaText = z
  .looseObject({
    id: MediaId,
    mime: z.string(),
    text: z.string(),
    truncated: z.boolean().describe('Whether there is more than this server reads'),
  })
  .meta({ id: 'MediaText' })

export const MediaUsage = z
  .looseObject({
    bytes: z.int(),
    objects: z.int(),
    max_bytes: z.int().nullable().describe('null: as many as there is room for'),
    max_objects: z.int().nullable(),
  })
  .meta({ id: 'MediaUsage' })

export const DeletedMedia = z
  .looseObject({ id: MediaId, object: z.literal('media'), deleted: z.literal(true) })
  .meta({ id: 'DeletedMedia' })

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
