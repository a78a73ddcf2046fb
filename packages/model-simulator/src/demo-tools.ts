import type { ChatRequest } from './chat-request.ts'
import { fillSchema } from './fill-schema.ts'

type Arguments = Record<string, unknown>

const SEARCH = /\bsearch(?: the (?:web|internet))? for (.+?)(?=[,;.?!](?:\s|$)| and | then |$)/gim
const READ = /\b(?:scrape|read|fetch|visit|summari[sz]e)\b/i
const COMPUTE = /\b(?:python|python_exec|compute|calculate|analy[sz]e)\b/i
const URLS = /https?:\/\/[^\s"'<>)\]]*[^\s"'<>)\].,;:!?]/g
const FENCES = /```(\w*)[^\n]*\n([\s\S]*?)```/g
const EXPRESSION = /-?\({0,9}\d[\d .()]{0,99}[-+*/%^][\d .()+\-*/%^]{0,99}[\d)]/

/** What the prompt asks of the built-in tools: the arguments of each call. `prose` is the prompt without its code. */
const argumentsOf = new Map<string, (prose: string, prompt: string) => Arguments[]>([
  ['google_search', (prose) => [...prose.matchAll(SEARCH)].map(([, q]) => ({ q }))],
  ['scrape', (prose) => (READ.test(prose) ? (prose.match(URLS) ?? []) : []).map((url) => ({ url }))],
  ['python_exec', (prose, prompt) => (COMPUTE.test(prose) ? programs(prose, prompt) : [])],
])

/** The calls of offered tools that the prompt asks for, or just names: then their schema gives the arguments. */
export function chooseCalls({ tools, tool_choice: choice }: ChatRequest, prompt: string) {
  if (!tools || choice === 'none') return []
  const prose = prompt.replace(FENCES, '')
  return tools.flatMap(({ function: { name, parameters } }) => {
    const asked = argumentsOf.get(name)?.(prose, prompt) ?? []
    const named = asked.length === 0 && prose.split(/[^\w-]+/).includes(name)
    const filled = () => fillSchema({ required: [], ...parameters, type: 'object' }, prompt) as Arguments
    return (named ? [filled()] : asked).map((args) => ({ name, arguments: args }))
  })
}

function programs(prose: string, prompt: string): Arguments[] {
  const blocks = new Map([...prompt.matchAll(FENCES)].map(([, language, text]) => [language, text]))
  const csv = blocks.get('csv')
  const expression = EXPRESSION.exec(prose.replace(URLS, ''))?.[0].replaceAll('^', '**')
  const code = blocks.get('python') ?? (csv ? csvProgram(csv) : expression && `print(${expression})`)
  return code ? [{ code }] : []
}

// A JSON string is a Python string too.
const csvProgram = (csv: string) => `import csv, io

for name, *values in zip(*filter(None, csv.reader(io.StringIO(${JSON.stringify(csv)})))):
    try:
        print(f"{name}: sum {round(sum(map(float, values)), 4)}")
    except ValueError:
        print(f"{name}: {len(set(values))} different values")
`
