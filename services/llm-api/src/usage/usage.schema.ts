import { z } from 'zod'
import type { UsageGroup } from './usage.store.ts'

const GROUPS = ['day', 'model', 'key', 'project'] as const

/** `Date` reads more than dates: `-5` is a day of 2001 to it. */
const DATE = /^\d{4}-\d\d-\d\d(T|$)/

/** Unix seconds as OpenAI's clients send, or a time in words. */
const time = (description: string) =>
  z
    .string()
    .transform((text, context) => {
      const at = /^\d{1,12}$/.test(text) ? new Date(Number(text) * 1000) : new Date(DATE.test(text) ? text : Number.NaN)
      const year = at.getUTCFullYear()
      // NaN is in no range, either.
      if (year >= 1970 && year <= 9998) return at
      context.addIssue({ code: 'custom', message: 'expected Unix seconds, or a time such as 2026-01-31T12:00:00Z' })
      return z.NEVER
    })
    .optional()
    .describe(description)

/** `day,model`, or the parameter several times, as OpenAI's clients write lists: `group_by=day&group_by=model`, `group_by[]=day`. */
const groups = (known: readonly UsageGroup[]) =>
  z
    .union([z.string(), z.array(z.string())])
    .default('day')
    .transform((sent, context) => {
      const names = [sent].flat().flatMap((text) => text.split(',').map((name) => name.trim()))
      const wrong = names.find((name) => !known.includes(name as UsageGroup))
      if (wrong === undefined) return new Set(names as UsageGroup[])
      context.addIssue({ code: 'custom', message: `'${wrong}' is none of ${known.join(', ')}` })
      return z.NEVER
    })
    .describe(`Any of ${known.join(', ')}, with commas between; without day, all is one bucket`)

const id = (description: string) => z.string().min(1).max(256).optional().describe(description)

const Filter = {
  start_time: time('From the day (UTC) that holds it; by default 30 days before the end'),
  end_time: time('Before it, up to the end of the day (UTC) that it falls in; by default now'),
  model: id('Public id of a model'),
  project_id: id('Id of a project'),
}

export const UsageQuery = z.object({ ...Filter, group_by: groups(GROUPS), key_id: id('Id of an API key') })
export const AdminUsageQuery = z.object({
  ...Filter,
  group_by: groups([...GROUPS, 'user']),
  key_id: id('Id of an API key'),
  user_id: id('Subject of a person'),
})
export type UsageQuery = z.output<typeof UsageQuery> & { user_id?: string | undefined }

const UsageResult = z
  .looseObject({
    object: z.literal('usage.result'),
    input_tokens: z.int().describe('Of requests, with those from a cache'),
    output_tokens: z.int().describe('Of answers, with those of reasoning'),
    input_cached_tokens: z.int(),
    output_reasoning_tokens: z.int(),
    num_model_requests: z.int(),
    num_estimated_requests: z.int().describe('Those whose tokens the provider did not tell'),
    amount: z
      .looseObject({ value: z.number(), currency: z.literal('usd') })
      .describe('By the prices of the time of each call'),
    model: z.string().nullable().describe('Null unless grouped by it'),
    api_key_id: z.string().nullable().describe('Null unless grouped by it, and for calls with a token'),
    project_id: z.string().nullable().describe('Null unless grouped by it, and for calls outside of projects'),
    user_id: z.string().nullable().describe('Null unless grouped by it, and for people who were erased'),
  })
  .meta({ id: 'UsageResult' })

export const UsagePage = z
  .looseObject({
    object: z.literal('page'),
    data: z.array(
      z.looseObject({
        object: z.literal('bucket'),
        start_time: z.int().describe('Unix seconds'),
        end_time: z.int().describe('Unix seconds; the bucket ends before it'),
        results: z.array(UsageResult),
      }),
    ),
    has_more: z.literal(false),
    next_page: z.null(),
  })
  .meta({ id: 'UsagePage' })
