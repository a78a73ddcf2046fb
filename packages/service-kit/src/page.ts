import { z } from 'zod'

/** Query of a list in OpenAI's manner: a cursor is the id of the last row seen. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many rows, 1 to 100'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By time of creation'),
  after: z.string().optional().describe('Rows after the one with this id'),
  before: z.string().optional().describe('Rows before the one with this id'),
})
export type PageQuery = z.output<typeof PageQuery>

export const pageOf = <T extends z.ZodType>(row: T) =>
  z.object({
    object: z.literal('list'),
    data: z.array(row),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })

/** OpenAI's list object. Stores ask for `limit + 1` rows: the extra one only says that there is more. */
export function presentPage<T extends { id: string }>(rows: T[], limit: number) {
  const data = rows.slice(0, limit)
  return {
    object: 'list' as const,
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: rows.length > limit,
  }
}
