import { type ForeignSchema, takeInputSchema, takeOutputSchema } from './foreign-schema.ts'
import { skeletonOf } from './server-names.ts'
import type { ServerSpec } from './server-spec.ts'
import { type Definition, definitionOf, hashOf, LONGEST_TITLE } from './tool-definition.ts'
import type { ToolPin } from './tool-pins.store.ts'

/** A tool of a server that may be offered. */
export type TakenTool = {
  definition: Definition
  input: Pick<ForeignSchema, 'schema'>
  output: ForeignSchema | undefined
}
/** One that may not, and why. */
export type RefusedTool = { name: string; reason: string; hash?: string }
export type Judged = { taken: TakenTool[]; refused: RefusedTool[] }

const LONGEST_NAME = 128
const LONGEST_DESCRIPTION = 16 << 10

/** What can be told of the tools without knowing what they were before; `ours` are names that no server may take. */
export function judgeTools(
  tools: readonly Definition[],
  { ours, most }: { ours: ReadonlySet<string>; most: number },
): Judged {
  const judged: Judged = { taken: [], refused: [] }
  const seen = new Set<string>()
  for (const [index, tool] of tools.entries()) {
    try {
      if (index >= most) throw new Error(`the server has more than ${most} tools`)
      // Before anything is made of it: a letter can become many.
      if (tool.name.length > LONGEST_NAME) throw new Error('the name is empty or too long')
      const look = skeletonOf(tool.name)
      if (look === '') throw new Error('the name is empty or too long')
      if (ours.has(look)) throw new Error('the name looks like one of a built-in tool')
      if (seen.has(look)) throw new Error("the name looks like another tool's of this server")
      if ((tool.description?.length ?? 0) > LONGEST_DESCRIPTION) throw new Error('the description is too long')
      if ((tool.title?.length ?? 0) > LONGEST_TITLE) throw new Error('the title is too long')
      seen.add(look)
      const output = tool.outputSchema === undefined ? undefined : takeOutputSchema(tool.outputSchema)
      judged.taken.push({
        definition: definitionOf(tool),
        input: { schema: takeInputSchema(tool.inputSchema) },
        output,
      })
    } catch (error) {
      judged.refused.push({ name: tool.name.slice(0, LONGEST_NAME), reason: (error as Error).message.slice(0, 300) })
    }
  }
  return judged
}

/** Shuts away what is no longer as it was pinned. */
export function keepPinned(
  { taken, refused }: Judged,
  pins: ReadonlyMap<string, ToolPin>,
  { workspaceId }: Pick<ServerSpec, 'workspaceId'>,
): Judged {
  const who = workspaceId === undefined ? 'an admin' : 'its owner'
  const isPinned = ({ definition }: TakenTool) => pins.get(definition.name)?.hash === hashOf(definition)
  const changed = taken
    .filter((tool) => !isPinned(tool))
    .map(({ definition }) => ({
      name: definition.name,
      reason: `changed since it was first seen; ${who} has to accept the difference`,
      hash: hashOf(definition),
    }))
  return { taken: taken.filter(isPinned), refused: [...refused, ...changed] }
}
