import { z } from 'zod'

export const pythonExecInput = z.object({
  code: z
    .string()
    .min(1)
    .max(200_000)
    .describe(
      'The program. The value of its last expression is the result (JavaScript with await at the top: what it returns)',
    ),
  language: z
    .enum(['python', 'javascript'])
    .default('python')
    .describe('python has the standard library and no further packages'),
  session_id: z.string().optional().describe('Accepted and unused: every program runs in a fresh process'),
  approved: z.boolean().optional().describe('Whether a person approved this program; the operator may ask for it'),
})

export const pythonExecOutput = z.object({
  stdout: z.string(),
  stderr: z.string(),
  result: z.string().nullable().describe('Value of the last expression as text, null when it has none'),
  error: z.string().nullable().describe('The exception, or how the program was ended'),
  truncated: z.boolean().describe('Whether something was longer than the limit and was cut'),
  duration_ms: z.int(),
  exit_reason: z.enum(['ok', 'error', 'timeout', 'memory', 'killed']),
  session_id: z.null(),
  artifacts: z.array(z.object({ name: z.string(), url: z.string() })).describe('Files that the program made'),
})

export type PythonExecInput = z.output<typeof pythonExecInput>
export type PythonExecOutput = z.input<typeof pythonExecOutput>
