import { MediaId } from '@jan/contracts/media'
import { z } from 'zod'
import { Cursor } from '../media/media.schema.ts'

export const PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const

/** Of the form; OpenAI's names. */
export const FileFields = z
  .object({
    purpose: z.enum(PURPOSES, `expected one of ${PURPOSES.join(', ')}`),
    'expires_after[anchor]': z.literal('created_at', 'expected created_at').optional(),
    'expires_after[seconds]': z.coerce.number().int().min(3600).max(2_592_000).optional(),
    // A file that its owner wants to expire must not be kept for ever by a slip.
    expires_after: z.never('expected as expires_after[anchor] and expires_after[seconds]').optional(),
  })
  .refine((fields) => fields['expires_after[anchor]'] === undefined || fields['expires_after[seconds]'] !== undefined, {
    path: ['expires_after[seconds]'],
    message: 'expected with expires_after[anchor]',
  })

export const FileObject = z
  .looseObject({
    id: MediaId,
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int().describe('Seconds since 1970'),
    expires_at: z.int().optional().describe('Seconds since 1970'),
    filename: z.string(),
    purpose: z.string(),
    status: z.literal('processed'),
  })
  .meta({ id: 'File' })

export const FileListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000).describe('How many rows, 1 to 10,000'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By time of creation'),
  after: Cursor.optional().describe('Rows after the one with this id'),
  purpose: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'expected a purpose')
    .optional()
    .describe('Only files of this purpose'),
})

export const DeletedFile = z
  .looseObject({ id: MediaId, object: z.literal('file'), deleted: z.literal(true) })
  .meta({ id: 'DeletedFile' })
