import { z } from 'zod'

export const CreateNote = z
  .object({
    text: z
      .string()
      .min(1)
      .max(10_000)
      // PostgreSQL keeps neither; what is stored must be what was sent.
      .refine((text) => text.isWellFormed() && !text.includes('\u0000'), 'expected text without NUL or half characters')
      .describe('1 to 10,000 characters'),
  })
  .meta({ id: 'CreateNote' })
export type CreateNote = z.output<typeof CreateNote>

export const NoteAnswer = z
  .looseObject({
    id: z.string().describe('note_ and 24 characters'),
    object: z.literal('note'),
    text: z.string(),
    created_at: z.int().describe('Seconds since 1970'),
  })
  .meta({ id: 'Note' })
export type NoteAnswer = z.input<typeof NoteAnswer>
