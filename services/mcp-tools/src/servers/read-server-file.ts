import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { expandVariables } from './expand-variables.ts'
import { FileServer } from './server-file.schema.ts'
import { keepUnlike } from './server-names.ts'
import { fileServerId, type Reach, type ServerSpec, sealRecord } from './server-spec.ts'

type Variables = Readonly<Record<string, string | undefined>>
/** `servers` is undefined when nothing can be made of the text at all. Problems name lines and fields, never values: they may be secrets. */
export type ServerFile = { servers: ServerSpec[] | undefined; problems: string[] }

/** The servers of the operator's file. A wrong entry is left out, and the others stay. */
export function readServerFile(text: string, variables: Variables): ServerFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const [broken] = document.errors
  if (broken) return { servers: undefined, problems: [`line ${broken.linePos?.[0].line ?? '?'}: is no YAML`] }
  if (document.contents === null) return { servers: [], problems: [] }
  const list = isMap(document.contents) ? document.get('providers', true) : undefined
  if (!list || (isScalar(list) && list.value === null)) return { servers: [], problems: [] }
  if (!isSeq(list)) return { servers: undefined, problems: ["'providers' is no list"] }

  const problems: string[] = []
  const found: (ServerSpec & { line: number })[] = []
  for (const item of list.items) {
    const line = lines.linePos((item as { range?: [number] }).range?.[0] ?? 0).line
    const plain = plainOf(item, document)
    if (plain === undefined) {
      problems.push(`line ${line}: the entry cannot be read: an alias of something that is nowhere, or too many`)
      continue
    }
    const read = FileServer.safeParse(expandVariables(plain.value, variables))
    if (read.success) found.push({ ...specOf(read.data), line })
    else problems.push(...read.error.issues.map((issue) => `line ${line}: ${describe(issue)}`))
  }
  const { kept, dropped } = keepUnlike(found)
  for (const { line, name } of dropped) problems.push(`line ${line}: name: '${name}' looks like another server's`)
  return { servers: kept.map(({ line: _line, ...spec }) => spec), problems }
}

/** An entry without YAML's own parts; undefined when an alias in it leads nowhere, or aliases make it too large. */
function plainOf(item: unknown, document: Document): { value: unknown } | undefined {
  try {
    return { value: (item as { toJS?(d: Document): unknown } | null)?.toJS?.(document) }
  } catch {
    return undefined
  }
}

const describe = (issue: z.core.$ZodIssue) =>
  issue.code === 'unrecognized_keys'
    ? `unknown field ${issue.keys.join(', ')}`
    : `${issue.path.join('.') || 'the entry'}: ${issue.message}`

function specOf(entry: FileServer): ServerSpec {
  const { client_id: clientId, client_secret: clientSecret, issuer, scope } = entry.oauth ?? {}
  return {
    id: fileServerId(entry.name),
    name: entry.name,
    description: entry.description,
    source: 'file',
    workspaceId: undefined,
    reach: reachOf(entry),
    headerNames: Object.keys(entry.headers),
    auth: entry.auth,
    oauth: clientId
      ? {
          clientId,
          ...(clientSecret ? { clientSecret } : {}),
          ...(issuer ? { issuer } : {}),
          ...(scope ? { scope } : {}),
        }
      : undefined,
    enabled: entry.enabled,
    paid: entry.paid,
    timeoutMs: entry.timeout,
    maxTools: entry.max_tools,
    createdAt: undefined,
  }
}

const reachOf = ({ type, url, headers, command, args, env }: FileServer): Reach =>
  type === 'stdio'
    ? { type, command: command!, args, env: sealRecord(env) }
    : { type, url: url!, headers: sealRecord(headers) }
