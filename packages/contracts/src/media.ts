import { z } from 'zod'

/** `jan_` and a lower-case ULID. */
export const MediaId = z
  .string()
  .regex(/^jan_[0-9a-hjkmnp-tv-z]{26}$/, 'expected jan_ and a lower-case ULID')
  .meta({ id: 'MediaId', description: 'jan_ and a lower-case ULID' })

/** `data:image/png;jan_…`: an image by its id, written where a data URL would stand. */
export const MEDIA_PLACEHOLDER = /^data:[a-z]+\/[a-z0-9.+-]+;(jan_[0-9a-hjkmnp-tv-z]{26})$/i

export const ResolveMedia = z
  .object({
    ids: z.array(z.string()).max(100).optional().describe('Objects to resolve'),
    payload: z.unknown().optional().describe('Any JSON: bare ids and placeholders in it are replaced'),
    as: z.enum(['url', 'data_url']).default('url').describe('A short-lived URL, or the bytes as a data URL'),
  })
  .refine((body) => (body.ids === undefined) !== (body.payload === undefined), 'Send either ids or payload')
  .meta({ id: 'ResolveMedia' })

export const ResolvedMedia = z
  .looseObject({
    id: MediaId,
    mime: z.string(),
    bytes: z.int(),
    presigned_url: z.string().optional(),
    data_url: z.string().optional(),
    expires_at: z.string().optional(),
  })
  .meta({ id: 'ResolvedMedia' })

export const ResolveMediaAnswer = z
  .looseObject({ media: z.array(ResolvedMedia).optional(), payload: z.unknown().optional() })
  .meta({ id: 'ResolveMediaAnswer' })
export type ResolveMediaAnswer = z.output<typeof ResolveMediaAnswer>
