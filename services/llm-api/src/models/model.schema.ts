import { z } from 'zod'

export const Model = z
  .looseObject({
    id: z.string().describe('What to send as `model`'),
    object: z.literal('model'),
    created: z.int().describe('Unix time in seconds'),
    owned_by: z.string(),
  })
  .meta({ id: 'Model' })

export const ModelList = z.looseObject({ object: z.literal('list'), data: z.array(Model) }).meta({ id: 'ModelList' })

export const ModelParams = z.object({ id: z.string().describe('May hold slashes, as they are or as %2F') })
