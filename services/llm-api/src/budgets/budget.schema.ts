import { pageOf } from '@jan/service-kit/page'
import { z } from 'zod'

const KINDS = ['user', 'key', 'project'] as const
const SubjectKind = z.enum(KINDS)
const MOST_TOKENS = 1_000_000_000_000_000
const MOST_USD = 1_000_000_000

const tokens = () =>
  z
    .int()
    .min(0)
    .max(MOST_TOKENS)
    .nullable()
    .describe('Most tokens in a period, of requests and answers; null: any number')
const usd = () =>
  z.number().min(0).max(MOST_USD).nullable().describe('Most money in a period, to a millionth; null: any amount')

export const CreateBudget = z
  .looseObject({
    subject_kind: SubjectKind.describe('Of whom, or what, it is'),
    subject_id: z.string().min(1).max(256).describe('Subject of the person, or id of the API key or project'),
    period: z.enum(['day', 'month']).describe('In UTC'),
    tokens: tokens().optional(),
    usd: usd().optional(),
  })
  .meta({ id: 'CreateBudget' })

export const UpdateBudget = z
  .looseObject({ tokens: tokens().optional(), usd: usd().optional() })
  .meta({ id: 'UpdateBudget' })

export const BudgetAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('budget'),
    subject_kind: SubjectKind,
    subject_id: z.string(),
    period: z.enum(['day', 'month']),
    tokens: z.int().nullable(),
    usd: z.number().nullable(),
    spent_tokens: z.int().describe('In the period that is now'),
    spent_usd: z.number(),
    remaining_tokens: z.int().nullable().describe('Null: no number was set'),
    remaining_usd: z.number().nullable().describe('Null: no amount was set'),
    resets_at: z.iso.datetime().describe('When the next period begins'),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Budget' })

export const BudgetPage = pageOf(BudgetAnswer).meta({ id: 'BudgetPage' })
export const DeletedBudget = z
  .looseObject({ id: z.string(), object: z.literal('budget.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedBudget' })

export const BudgetQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many rows, 1 to 100'),
  after: z.string().optional().describe('Rows after the one with this id'),
  subject_kind: SubjectKind.optional(),
  subject_id: z.string().optional(),
})
