import { z } from 'zod'
import type { IdempotencyStore } from './idempotency.ts'
import { defineJob, type Schedule } from './jobs.ts'

export const forgetIdempotencyKeys = defineJob({
  name: 'forget_idempotency_keys',
  payload: z.object({}),
  run: ({ idempotency }: { idempotency: Pick<IdempotencyStore, 'forgetOld'> }) => idempotency.forgetOld(),
})

export const forgetIdempotencyKeysHourly: Schedule = { job: forgetIdempotencyKeys, cron: '7 * * * *' }
