import { AppError } from '@jan/service-kit/errors'
import { z } from 'zod'
import { defineTool, type Tool } from '../src/tools/tool.ts'

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const output = z.object({ said: z.string() })
const row = { title: 'For tests', description: 'For tests', output, annotations, timeoutMs: 45_000 }
const said = (text: string) => ({ text, structured: { said: text } })
const nothing = z.object({})

/** Tools that behave as no built-in one may, and what was seen of their calls. */
export function createTestTools() {
  const started: string[] = []
  const aborted: string[] = []
  const release: (() => void)[] = []
  const tools: Tool[] = [
    defineTool({
      ...row,
      name: 'wait',
      input: z.object({ as: z.string().default('wait'), progress: z.boolean().default(false) }),
      run: async (_deps, call, { as, progress }) => {
        if (progress) await call.progress(0, 1, 'waiting')
        started.push(as)
        await new Promise<void>((resolve, reject) => {
          release.push(resolve)
          call.signal.addEventListener('abort', () => {
            aborted.push(as)
            reject(call.signal.reason)
          })
        })
        return said('released')
      },
    }),
    defineTool({
      ...row,
      name: 'count',
      input: z.object({ to: z.int() }),
      run: async (_deps, call, { to }) => {
        for (let n = 1; n <= to; n++) await call.progress(n, to, `at ${n}`)
        return said(`counted to ${to}`)
      },
    }),
    defineTool({ ...row, name: 'hang', timeoutMs: 50, input: nothing, run: () => new Promise<never>(() => {}) }),
    defineTool({
      ...row,
      name: 'break',
      input: nothing,
      run: async () => {
        throw new Error('password of the database: hunter2')
      },
    }),
    defineTool({
      ...row,
      name: 'fail',
      input: nothing,
      run: async () => {
        throw new AppError('upstream_failed', 'The far side said no')
      },
    }),
    defineTool({
      ...row,
      name: 'whoami',
      input: nothing,
      run: async (_deps, { caller }) => said(caller.kind === 'service' ? caller.service : caller.subject),
    }),
  ]
  return { tools, started, aborted, release }
}
