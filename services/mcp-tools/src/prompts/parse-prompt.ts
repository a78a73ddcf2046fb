import { parse, YAMLParseError } from 'yaml'
import { z } from 'zod'
import type { Prompt } from './prompt.ts'

const Name = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')

const Head = z.strictObject({
  name: Name,
  title: z.string().optional(),
  description: z.string().optional(),
  arguments: z
    .array(
      z.strictObject({
        name: Name,
        description: z.string().optional(),
        required: z.boolean().default(false),
        values: z.array(z.string()).min(1).optional(),
      }),
    )
    .default([]),
})

const FILE = /^\uFEFF?---\r?\n(?<head>[\s\S]*?)\r?\n---[ \t]*(?:\r?\n(?<body>[\s\S]*))?$/
const PLACEHOLDER = /\{\{\s*([A-Za-z0-9_-]+)\s*\}\}/g

/**
 * A prompt from its file: front matter in YAML (`name`, `title`, `description`, `arguments`), then the text, in which
 * `{{name}}` stands for an argument. @throws Error that says what is wrong
 */
export function parsePrompt(text: string): Prompt {
  const { head, body } = FILE.exec(text)?.groups ?? {}
  if (head === undefined) throw new Error('it has no front matter between two lines of ---')
  const { arguments: args, name, title, description } = readHead(head)
  const template = body?.trim() ?? ''
  if (template === '') throw new Error('it has no text')
  const known = new Set(args.map((argument) => argument.name))
  if (known.size < args.length) throw new Error('two arguments have the same name')
  const unknown = [...template.matchAll(PLACEHOLDER)].find(([, placeholder]) => !known.has(placeholder!))
  if (unknown) throw new Error(`the text uses {{${unknown[1]}}}, which is not among its arguments`)
  return {
    name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    arguments: args.map(({ description: about, values, ...argument }) => ({
      ...argument,
      ...(about === undefined ? {} : { description: about }),
      ...(values === undefined ? {} : { values }),
    })),
    get: async (given) => {
      // In one pass: what stands in an argument is text, also when it looks like a placeholder.
      const filled = template.replace(PLACEHOLDER, (_all, placeholder: string) => given[placeholder] ?? '')
      return {
        ...(description === undefined ? {} : { description }),
        messages: [{ role: 'user', content: { type: 'text', text: filled.trim() } }],
      }
    },
  }
}

function readHead(head: string): z.output<typeof Head> {
  let document: unknown
  try {
    document = parse(head)
  } catch (error) {
    throw error instanceof YAMLParseError
      ? new Error(`its front matter is no YAML: ${error.message.split('\n')[0]}`)
      : error
  }
  const read = Head.safeParse(document)
  if (read.success) return read.data
  throw new Error(
    read.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; '),
  )
}
