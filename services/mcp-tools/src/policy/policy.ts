import type { OfferedTool } from '../tools/offered-tool.ts'
import type { Asked } from '../tools/surface.ts'

export type Decision = 'allow' | 'ask' | 'deny'

/** What rules know of a tool. */
export type JudgedTool = Pick<OfferedTool, 'name' | 'server' | 'annotations' | 'paid'>

export type Policy = {
  /** Without arguments: whether it is listed at all, which is everything but `deny`. */
  decide(asked: Asked, tool: JudgedTool, args?: unknown): Decision
}
