import { insertBefore } from './insert-before.ts'
import type { Plan } from './plan.ts'
import type { FileEdit, Tree } from './tree.ts'

const ARCHITECTURE = 'docs/architecture.md'
const README = 'README.md'

/** A row in the table of the parts, and a line in the README's picture. */
export const addToDocs = ({ name, subject, port }: Plan, tree: Tree): FileEdit[] => [
  {
    path: ARCHITECTURE,
    content: addRow(tree.read(ARCHITECTURE), /^\| identity +\| \d+ +\|/, [name, String(port), 'notes', 'nothing']),
  },
  {
    path: README,
    content: insertBefore(
      tree.read(README),
      /^ {3}└─ \/v1\//,
      `   ├─ ${`/v1/${subject}*`.padEnd(30)}  ${name.padEnd(12)}  ${port}   notes`,
    ),
  },
]

/** A row before the one that `mark` matches; the whole table is set anew, so that its columns stay even. */
export function addRow(document: string, mark: RegExp, cells: string[]): string {
  const lines = insertBefore(document, mark, `| ${cells.join(' | ')} |`).split('\n')
  const row = lines.findIndex((line) => mark.test(line))
  const isOutside = (line: string | undefined) => !line?.startsWith('|')
  const start = lines.findLastIndex((line, at) => at < row && isOutside(line)) + 1
  const end = lines.findIndex((line, at) => at > row && isOutside(line))
  return lines.toSpliced(start, end - start, ...evenColumns(lines.slice(start, end))).join('\n')
}

function evenColumns(rows: string[]): string[] {
  const cellsOf = (row: string) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  const table = rows.map(cellsOf)
  const widths = table[0]!.map((_head, at) => Math.max(...table.map((row) => (isRule(row[at]!) ? 3 : row[at]!.length))))
  const set = (cell: string, at: number) => (isRule(cell) ? '-'.repeat(widths[at]!) : cell.padEnd(widths[at]!))
  return table.map((row) => `| ${row.map(set).join(' | ')} |`)
}

const isRule = (cell: string) => /^-+$/.test(cell)
