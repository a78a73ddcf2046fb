import { z } from 'zod'

const JsonSchema = z.looseObject({ type: z.literal('object') })

export const ToolList = z
  .looseObject({
    tools: z.array(
      z.looseObject({
        name: z.string(),
        title: z.string().optional(),
        description: z.string(),
        inputSchema: JsonSchema,
        outputSchema: JsonSchema.optional(),
        annotations: z.looseObject({
          readOnlyHint: z.boolean(),
          destructiveHint: z.boolean(),
          idempotentHint: z.boolean(),
          openWorldHint: z.boolean(),
        }),
      }),
    ),
  })
  .meta({ id: 'ToolList', description: 'What tools/list of the MCP endpoint answers' })
