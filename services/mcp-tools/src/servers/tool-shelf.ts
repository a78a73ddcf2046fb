import type { OfferedTool } from '../tools/offered-tool.ts'
import { type Judged, judgeTools, keepPinned } from './judge-tools.ts'
import { type CallServer, offerTool } from './offer-tool.ts'
import type { ServerSpec } from './server-spec.ts'
import { type Definition, hashOf } from './tool-definition.ts'
import type { ToolPinStore } from './tool-pins.store.ts'

/** The tools of one server: what it says, what of that is as it was pinned, and what is offered of it. */
export type ToolShelf = {
  /** The server has told its tools. */
  put(tools: readonly Definition[]): Promise<void>
  /** What is accepted may have changed. */
  lookAtPins(): Promise<void>
  clear(): void
  /** The same objects as long as they are the same. */
  tools(): readonly OfferedTool[]
  /** Another number whenever `tools` has changed. */
  version(): number
  judged(): Judged
}

type ShelfDeps = {
  pins: ToolPinStore
  ours: ReadonlySet<string>
  onNews(workspaceId: string | undefined): void
}

const NONE: Judged = { taken: [], refused: [] }

export function createToolShelf(
  { pins, ours, onNews }: ShelfDeps,
  spec: ServerSpec,
  callServer: CallServer,
): ToolShelf {
  let said = { text: '', judged: NONE }
  let judged = NONE
  let offered: OfferedTool[] = []
  let version = 0
  let cleared = 0

  const show = (next: Judged) => {
    const before = new Map(judged.taken.map((tool, index) => [hashOf(tool.definition), offered[index]]))
    const tools = next.taken.map((tool) => before.get(hashOf(tool.definition)) ?? offerTool(spec, tool, callServer))
    const isNews = tools.length !== offered.length || tools.some((tool, index) => tool !== offered[index])
    judged = next
    offered = tools
    if (!isNews) return
    version++
    onNews(spec.workspaceId)
  }

  const lookAtPins = async () => {
    const at = cleared
    const seen = said.judged.taken.map(({ definition }) => ({ definition, hash: hashOf(definition) }))
    const known = await pins.see(spec.id, seen)
    // Its server may have gone meanwhile.
    if (at === cleared) show(keepPinned(said.judged, known))
  }

  return {
    put: async (tools) => {
      const text = JSON.stringify(tools)
      if (text !== said.text) said = { text, judged: judgeTools(tools, { ours, most: spec.maxTools }) }
      await lookAtPins()
    },
    lookAtPins,
    clear: () => {
      cleared++
      show(NONE)
    },
    tools: () => offered,
    version: () => version,
    judged: () => judged,
  }
}
