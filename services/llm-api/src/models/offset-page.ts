import { invalid } from '@jan/service-kit/errors'
import { z } from 'zod'
import type { Offset } from './model.store.ts'

/** Query of admins' lists, which are paged by number. */
export const OffsetQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many rows, 1 to 100'),
  offset: z.coerce.number().int().min(0).max(1_000_000_000).default(0).describe('How many rows to pass over'),
  order: z.enum(['asc', 'desc']).default('desc'),
  after: z.string().optional().describe('Not offered here: use offset'),
  cursor: z.string().optional().describe('Not offered here: use offset'),
})

/** `true` or `false`: anything else would filter by what nobody asked for. */
export const boolean = z.enum(['true', 'false']).transform((text) => text === 'true')

/** @throws AppError `invalid_request` for a cursor */
export function requireOffset({ limit, offset, order, after, cursor }: z.output<typeof OffsetQuery>): Offset {
  if (after !== undefined) throw invalid('after: this list is paged with limit and offset', 'after')
  if (cursor !== undefined) throw invalid('cursor: this list is paged with limit and offset', 'cursor')
  return { limit, offset, order }
}

export const offsetPageOf = <T extends z.ZodType>(row: T) =>
  z.looseObject({ object: z.literal('list'), data: z.array(row), total: z.int(), limit: z.int(), offset: z.int() })

export const presentOffsetPage = <T>(data: T[], total: number, { limit, offset }: Offset) => ({
  object: 'list' as const,
  data,
  total,
  limit,
  offset,
})

export const ToggleResult = z
  .looseObject({
    updated_count: z.int(),
    skipped_count: z.int(),
    failed_count: z.int(),
    total_checked: z.int(),
  })
  .meta({ id: 'ToggleResult' })
