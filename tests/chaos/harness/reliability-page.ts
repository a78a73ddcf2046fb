import { readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { presentMachine } from '../../measure/machine.ts'
import { withSection } from '../../measure/markdown.ts'

const PAGE = new URL('../../../docs/reliability.md', import.meta.url)

/** Puts a scenario's tables into docs/reliability.md, in the place of its earlier ones. */
export function writeTables(name: string, tables: string): void {
  const text = `${tables}\n\n${presentMachine()}; load average ${loadavg()[0]!.toFixed(1)}`
  writeFileSync(PAGE, withSection(readFileSync(PAGE, 'utf8'), 'chaos', { name, text }))
}
