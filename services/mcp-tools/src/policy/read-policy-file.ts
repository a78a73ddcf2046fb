import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { ToolPolicy } from './policy.schema.ts'

/** Where the file is, and what is said of it: `file` is how the operator named it. */
export type PolicyFile = { file: string; path: string }

/** Found beside a service that is started in its own folder, too. */
const ROOT = resolve(import.meta.dirname, '../../../..')

export const findPolicyFile = (file: string): PolicyFile => ({
  file,
  path: [resolve(file), resolve(ROOT, file)].find(existsSync) ?? resolve(file),
})

/** @throws Error with everything that is wrong, each with its place */
export function parsePolicy(file: string, text: string | undefined): ToolPolicy {
  const wrong = (lines: string[]) => new Error(lines.map((line) => `${file}: ${line}`).join('\n'))
  if (text === undefined) throw wrong(['cannot be read (MCP_TOOL_POLICY_FILE)'])
  const document = parseDocument(text)
  // An unquoted !name is a tag to YAML, and no name: its warnings are mistakes here.
  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) throw wrong(problems.map(({ message }) => message.split('\n')[0]!))
  const read = ToolPolicy.safeParse(document.toJS())
  if (read.success) return read.data
  throw wrong(read.error.issues.map(({ path: place, message }) => `${place.join('.') || 'the document'}: ${message}`))
}

/** At start: its text, and what that says. @throws Error as `parsePolicy` */
export function readPolicyFile({ file, path }: PolicyFile): { text: string; policy: ToolPolicy } {
  let text: string | undefined
  try {
    text = readFileSync(path, 'utf8')
  } catch {}
  return { policy: parsePolicy(file, text), text: text! }
}
