import { pageOf } from '@jan/service-kit/page'
import { z } from 'zod'

const SubjectKind = z.enum(['user', 'key', 'model'])
const MOST = 1_000_000_000

const most = (what: string) =>
  z.int().min(0).max(MOST).nullable().describe(`Most ${what}; 0: no limit, null: as this server is configured`)

const Values = {
  requests_per_minute: most('requests in a minute'),
  tokens_per_minute: most('tokens in a minute, of requests and answers'),
  concurrent_requests: most('requests at a time'),
}
const Given = {
  requests_per_minute: Values.requests_per_minute.optional(),
  tokens_per_minute: Values.tokens_per_minute.optional(),
  concurrent_requests: Values.concurrent_requests.optional(),
}

export const CreateLimit = z
  .looseObject({
    subject_kind: SubjectKind.describe('Of whom, or what, it is'),
    subject_id: z.string().min(1).max(256).describe('Subject of the person, or id of the API key or model'),
    ...Given,
  })
  .meta({ id: 'CreateLimit' })

export const UpdateLimit = z.looseObject(Given).meta({ id: 'UpdateLimit' })
export type UpdateLimit = z.output<typeof UpdateLimit>

export const LimitAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('limit'),
    subject_kind: SubjectKind,
    subject_id: z.string(),
    ...Values,
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Limit' })

export const LimitPage = pageOf(LimitAnswer).meta({ id: 'LimitPage' })
export const DeletedLimit = z
  .looseObject({ id: z.string(), object: z.literal('limit.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedLimit' })

export const LimitQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many rows, 1 to 100'),
  after: z.string().optional().describe('Rows after the one with this id'),
  subject_kind: SubjectKind.optional(),
  subject_id: z.string().optional(),
})
