import type { CallToolResult } from '@modelcontextprotocol/server'
import type { Progress } from '../tools/tool.ts'
import { ForeignFailure } from '../tools/untrusted.ts'
import type { ForeignSchema } from './foreign-schema.ts'

/** Names in `_meta` that say something of ours, or of the protocol's: a server must not say it for us. */
const OURS = /^(jan\/|([\w.-]+\.)?(modelcontextprotocol|mcp)(\.[\w.-]+)?\/)/

/**
 * A server's answer as it is passed on: all of its content, failures as failures. Nothing else of it: another field may
 * say something in our name, as `resultType: 'input_required'` asks the person something.
 * @throws ForeignFailure `upstream_failed` when it is not what the tool's schema promises: clients would refuse all of it
 */
export function passResult(server: string, result: CallToolResult, output: ForeignSchema | undefined): CallToolResult {
  const { content = [], structuredContent, isError } = result
  const meta = Object.entries(result._meta ?? {}).filter(([name]) => !OURS.test(name))
  const passed: CallToolResult = {
    content,
    ...(structuredContent === undefined ? {} : { structuredContent }),
    ...(isError === undefined ? {} : { isError }),
    ...(meta.length > 0 ? { _meta: Object.fromEntries(meta) } : {}),
  }
  if (!output || isError) return passed
  const problem = structuredContent === undefined ? 'there is none' : output.fits(structuredContent)
  if (problem !== undefined)
    throw new ForeignFailure(
      'upstream_failed',
      `${server} answered with structured content that does not fit the tool's own schema: ${problem.slice(0, 500)}`,
    )
  return passed
}

const PAUSE_MS = 100
const LONGEST_MESSAGE = 1_000

type Told = { progress: number; total?: number | undefined; message?: string | undefined }

/** Passes progress on, at most ten times in a second, and only forwards, as the protocol wants it. */
export function throttleProgress(
  progress: Progress,
  now: () => number = () => performance.now(),
): (told: Told) => void {
  let last = Number.NEGATIVE_INFINITY
  let reached = Number.NEGATIVE_INFINITY
  return ({ progress: at, total, message }) => {
    if (!(at > reached) || now() - last < PAUSE_MS) return
    last = now()
    reached = at
    progress(at, total, message?.slice(0, LONGEST_MESSAGE)).catch(() => undefined)
  }
}
