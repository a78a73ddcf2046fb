import type { ChatRequest, Tool } from './chat-request.ts'
import { fillSchema } from './fill-schema.ts'

type Arguments = Record<string, unknown>
type Call = { name: string; arguments: Arguments }

const SEARCH = /\bsearch(?: the (?:web|internet))? for (.+?)(?=[,;.?!](?:\s|$)| and | then |$)/gim
const URLS = /https?:\/\/[^\s"'<>)\]]*[^\s"'<>)\].,;:!?]/g
const FENCES = /```(\w*)[^\n]*\n([\s\S]*?)```/g
const EXPRESSION = /-?\(*\d[\d\s.()]{0,99}[-+*/%^][\d\s.()+\-*/%^]{0,99}[\d)]/

const argumentsOf = new Map<string, (prompt: string) => Arguments[]>([
  ['google_search', searches],
  ['scrape', pages],
  ['python_exec', programs],
])

/** The calls of offered tools that the prompt asks for, or that `tool_choice` demands. */
export function chooseCalls({ tools, tool_choice: choice }: ChatRequest, prompt: string): Call[] {
  if (!tools || choice === 'none') return []
  const forced = typeof choice === 'object' ? choice?.function.name : undefined
  const offered = tools.filter((tool) => !forced || tool.function.name === forced)
  const calls = offered.flatMap((tool) => callsOf(tool, prompt))
  if (calls.length > 0 || !(forced || choice === 'required')) return calls
  return offered.slice(0, 1).map((tool) => fillCall(tool, prompt))
}

function callsOf(tool: Tool, prompt: string): Call[] {
  const { name } = tool.function
  const calls = (argumentsOf.get(name)?.(prompt) ?? []).map((args) => ({ name, arguments: args }))
  const named = prompt.split(/[^\w-]+/).includes(name)
  return calls.length === 0 && named ? [fillCall(tool, prompt)] : calls
}

function fillCall({ function: { name, parameters } }: Tool, prompt: string): Call {
  return { name, arguments: fillSchema({ required: [], ...parameters, type: 'object' }, prompt) as Arguments }
}

function searches(prompt: string): Arguments[] {
  return [...withoutCode(prompt).matchAll(SEARCH)].map(([, q]) => ({ q }))
}

function pages(prompt: string): Arguments[] {
  const asked = /\b(?:scrape|read|fetch|open|summari[sz]e)\b/i.test(prompt)
  return asked ? (withoutCode(prompt).match(URLS) ?? []).map((url) => ({ url })) : []
}

function programs(prompt: string): Arguments[] {
  if (!/\b(?:python|python_exec|compute|calculate|analy[sz]e)\b/i.test(prompt)) return []
  const blocks = new Map([...prompt.matchAll(FENCES)].map(([, language, text]) => [language, text]))
  const csv = blocks.get('csv')
  const expression = EXPRESSION.exec(withoutCode(prompt).replace(URLS, ''))?.[0].replaceAll('^', '**')
  const code = blocks.get('python') ?? (csv ? csvProgram(csv) : expression && `print(${expression})`)
  return code ? [{ code }] : []
}

const withoutCode = (prompt: string) => prompt.replace(FENCES, '')

// A JSON string is a Python string too.
const csvProgram = (csv: string) => `import csv, io
for name, *values in zip(*csv.reader(io.StringIO(${JSON.stringify(csv)}))):
    try:
        print(f"{name}: sum {round(sum(map(float, values)), 4)}")
    except ValueError:
        print(f"{name}: {', '.join(sorted(set(values)))}")
`
