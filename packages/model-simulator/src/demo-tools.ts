import type { ChatRequest, Tool } from './chat-request.ts'
import { fillSchema } from './fill-schema.ts'

type Arguments = Record<string, unknown>
type Call = { name: string; arguments: Arguments }

const VERBS =
  'search|look|google|read|scrape|fetch|open|visit|compute|calculate|run|execute|analy[sz]e|summari[sz]e|tell|answer'
const CLAUSE_END = `(?=\\s*(?:$|[\\n;]|[.?!](?:\\s|$)|(?:,|,?\\s+(?:and|then))\\s*(?:then )?(?:${VERBS})\\b|,?\\s+\\d+ results))`
const SEARCH = new RegExp(
  '\\b(?:google_search|search|google|look up)\\b(?:\\s+(?:the (?:web|internet)|online|to find|for|about|with)\\b)*[\\s:]+' +
    `(?:["“](?<quoted>[^"”]+)["”]|(?!and\\b|then\\b)(?<phrase>\\S.*?)${CLAUSE_END})`,
  'gi',
)
const URLS = /https?:\/\/[^\s"'<>)\]]*[^\s"'<>)\].,;:!?]/g
const FENCES = /```(\w*)[^\n]*\n([\s\S]*?)```/g
const CSV = /\bcsv\b[^\n:]*:(?!\/\/)\s*((?:[^\n,]*,[^\n]*(?:\n|$)){2,})/i
const ARITHMETIC = /[\d.(-][\d\s.()+\-*/%^]{0,200}[\d)]/g

/** The calls that the prompt asks for; `made` are behind us, since without parallel calls they come one by one. */
export function chooseCalls(request: ChatRequest, prompt: string, made: number): Call[] {
  const { tools, tool_choice: choice } = request
  if (!tools?.length || choice === 'none') return []
  const forced = typeof choice === 'object' && choice ? choice.function.name : undefined
  const offered = tools.filter((tool) => !forced || tool.function.name === forced)
  const asked = offered.flatMap((tool) => callsOf(tool, prompt))
  let pending = asked.slice(made)
  if (pending.length === 0 && (forced || choice === 'required')) {
    pending = asked.length > 0 ? asked : offered.slice(0, 1).map((tool) => fillCall(tool, prompt))
  }
  return request.parallel_tool_calls === false ? pending.slice(0, 1) : pending
}

function callsOf(tool: Tool, prompt: string): Call[] {
  const { name } = tool.function
  const calls = (argumentsOf.get(name)?.(prompt) ?? []).map((args) => ({ name, arguments: args }))
  const mentioned = new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(prompt)
  return calls.length === 0 && mentioned ? [fillCall(tool, prompt)] : calls
}

function fillCall({ function: { name, parameters } }: Tool, prompt: string): Call {
  return { name, arguments: fillSchema({ required: [], ...parameters, type: 'object' }, prompt) as Arguments }
}

const argumentsOf = new Map<string, (prompt: string) => Arguments[]>([
  ['google_search', searches],
  ['scrape', pages],
  ['python_exec', programs],
])

function searches(prompt: string): Arguments[] {
  const num = Number(/(\d+) results/i.exec(prompt)?.[1])
  const phrases = [...prose(prompt).matchAll(SEARCH)].map(({ groups }) => groups?.quoted ?? groups?.phrase)
  return phrases.map((q) => (num ? { q, num } : { q }))
}

function pages(prompt: string): Arguments[] {
  const asked = /\b(?:scrape|read|fetch|open|visit|summari[sz]e)\b/i.test(prompt)
  return asked ? [...new Set(prose(prompt).match(URLS) ?? [])].map((url) => ({ url })) : []
}

function programs(prompt: string): Arguments[] {
  if (!/\b(?:python|python_exec|compute|calculate|run|execute|analy[sz]e)\b/i.test(prompt)) return []
  const fenced = (language: string) => [...prompt.matchAll(FENCES)].find((block) => block[1] === language)?.[2]
  const csv = fenced('csv') ?? CSV.exec(prompt)?.[1]
  const numbers = prose(prompt).replace(URLS, '').match(ARITHMETIC) ?? []
  const sum = numbers.find((text) => /\d[\s)]*[-+*/%^]+[\s(]*[\d.-]/.test(text))?.replaceAll('^', '**')
  const code = fenced('python') ?? (csv ? csvProgram(csv) : sum && `print(${sum.trim()})`)
  return code ? [{ code }] : []
}

/** The prompt without its code and data, where no word is a wish. */
const prose = (prompt: string) => prompt.replace(FENCES, '').replace(CSV, '')

// A JSON string is a Python string too.
const csvProgram = (csv: string) => `import csv, io

rows = list(csv.DictReader(io.StringIO(${JSON.stringify(csv)})))
print(f"rows: {len(rows)}")
for name in rows[0] if rows else []:
    try:
        numbers = [float(row[name]) for row in rows if row[name]]
    except (TypeError, ValueError):
        continue
    if numbers:
        print(f"{name}: sum {round(sum(numbers), 4)}, mean {round(sum(numbers) / len(numbers), 4)}")
`
