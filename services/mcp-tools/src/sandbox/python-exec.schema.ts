import { z } from 'zod'

/** What a working folder can hold, and no other folder. */
export const isFileName = (name: string): boolean => /^[^/\\\p{C}]{1,100}$/u.test(name) && name !== '.' && name !== '..'

const FileName = z
  .string()
  .min(1)
  .max(100)
  .refine(isFileName, 'expected a plain file name')
  .describe('What the program finds it as; the name it was stored under when absent')

const InputFile = z.union([
  z.string().describe('A media id, jan_…'),
  z.object({ id: z.string().describe('A media id, jan_…'), name: FileName.optional() }),
])
export type InputFile = { id: string; name?: string | undefined }

/** What a model may say. Whether a person approved a program is nothing that it could know, so that is in no schema. */
export const pythonExecInput = z.looseObject({
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
    .describe('python has the standard library and what packages the operator added'),
  files: z
    .array(InputFile)
    .max(10)
    .optional()
    .describe('Stored objects of yours that the program finds in its working folder, 20 MiB together'),
  session_id: z
    .string()
    .optional()
    .describe('Accepted and unused: every program runs in a fresh process and there are no sessions'),
})

export const pythonExecOutput = z.object({
  stdout: z.string(),
  stderr: z.string(),
  result: z.string().nullable().describe('Value of the last expression as text, null when it has none'),
  error: z.string().nullable().describe('The exception, or how the program was ended'),
  status: z
    .enum(['success', 'failed', 'stopped'])
    .describe('failed: the program’s own doing; stopped: it was ended from outside'),
  exit_reason: z.enum(['ok', 'error', 'timeout', 'memory', 'killed']),
  exit_code: z.int().nullable().describe('As a process tells it; null when it was ended from outside'),
  compile_output: z.string().nullable().describe('What a compiler said, where there is one'),
  truncated: z.boolean().describe('Whether something was longer than the limit and was cut'),
  stdout_truncated: z.boolean(),
  stderr_truncated: z.boolean(),
  duration_ms: z.int(),
  session_id: z.null().describe('There are no sessions'),
  artifacts: z
    .array(
      z.object({
        id: z.string().describe('A media id'),
        name: z.string(),
        mime: z.string(),
        bytes: z.int(),
        url: z.string().describe('Good for some minutes; the id stays'),
      }),
    )
    .describe('Files that the program wrote, stored for you'),
  files_not_stored: z
    .array(z.object({ name: z.string(), bytes: z.int(), reason: z.string() }))
    .describe('Files that the program wrote and that could not be stored'),
})

export type PythonExecInput = Pick<z.output<typeof pythonExecInput>, 'code' | 'language' | 'files'>
export type PythonExecOutput = z.input<typeof pythonExecOutput>
