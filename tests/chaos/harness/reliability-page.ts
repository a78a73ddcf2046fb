import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

const PAGE = fileURLToPath(new URL('../../../docs/reliability.md', import.meta.url))
/** New tables go above this line. */
const END = '<!-- chaos:end -->'

/** Puts a scenario's tables into docs/reliability.md, in the place of its earlier ones. */
export function writeTables(scenario: string, tables: string): void {
  const page = readFileSync(PAGE, 'utf8')
  const [begin, end] = [`<!-- chaos:${scenario} -->`, `<!-- /chaos:${scenario} -->`]
  const section = `${begin}\n\n${tables}\n\n${describeMachine()}\n\n${end}\n`
  const from = page.indexOf(begin)
  const rest = page.indexOf(`${end}\n`)
  const at = from < 0 ? page.indexOf(END) : from
  if (at < 0 || (from >= 0 && rest < 0)) throw new Error(`docs/reliability.md has lost a line: ${from < 0 ? END : end}`)
  const after = from < 0 ? `\n${page.slice(at)}` : page.slice(rest + end.length + 1)
  writeFileSync(PAGE, `${page.slice(0, at)}${section}${after}`)
}

function describeMachine(): string {
  const processors = cpus()
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, Node ${process.versions.node} on ${process.platform}-${process.arch}, ${processors.length} × ${processors[0]?.model.trim()}, load average ${loadavg()[0]!.toFixed(1)}.`
}
