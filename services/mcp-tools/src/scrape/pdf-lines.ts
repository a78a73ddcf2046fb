export type PdfItem = { str: string; x: number; y: number; width: number; fontSize: number }

/** One line of a page; more than one cell where wide gaps part it. */
export type PdfLine = { cells: string[]; y: number; fontSize: number }

/** A gap wider than this many letters parts two cells; a narrower one than the second is none. */
const CELL_GAP = 1.2
const WORD_GAP = 0.15

/** Puts the pieces of a page, which come in any order, into lines from its top to its bottom. */
export function arrangeLines(items: readonly PdfItem[]): PdfLine[] {
  const rows: PdfItem[][] = []
  for (const item of items) {
    if (item.str.trim() === '') continue
    const last = rows.at(-1)?.[0]
    if (last && Math.abs(last.y - item.y) < item.fontSize / 2) rows.at(-1)?.push(item)
    else rows.push([item])
  }
  return mergeRows(rows).map((row) => ({
    cells: cellsOf(row.toSorted((one, other) => one.x - other.x)),
    y: row[0]?.y ?? 0,
    fontSize: Math.max(...row.map(({ fontSize }) => fontSize)),
  }))
}

/** Cells of a table are often written column by column: rows at one height are one. Columns of text are left alone. */
function mergeRows(rows: PdfItem[][]): PdfItem[][] {
  const isShort = (row: PdfItem[]) => row.reduce((sum, { str }) => sum + str.length, 0) < 40
  const merged: PdfItem[][] = []
  const byHeight = new Map<number, PdfItem[]>()
  for (const row of rows) {
    const height = Math.round(row[0]?.y ?? 0)
    const same = byHeight.get(height)
    if (same && isShort(row) && isShort(same)) same.push(...row)
    else {
      merged.push(row)
      byHeight.set(height, row)
    }
  }
  return merged
}

function cellsOf(row: PdfItem[]): string[] {
  const cells: string[] = []
  let end: number | undefined
  for (const { str, x, width, fontSize } of row) {
    const gap = end === undefined ? Infinity : (x - end) / (fontSize || 1)
    if (gap > CELL_GAP) cells.push(str)
    else cells[cells.length - 1] += gap > WORD_GAP ? ` ${str}` : str
    end = x + width
  }
  return cells.map((cell) => cell.replace(/\s+/g, ' ').trim()).filter(Boolean)
}

/** Lines with equally many cells, two or more after another, are a table; a wide gap between lines parts paragraphs. */
export function toMarkdown(lines: PdfLine[]): string {
  const pieces: string[] = []
  for (let at = 0; at < lines.length; ) {
    const width = lines[at]?.cells.length ?? 0
    let end = at + 1
    while (width > 1 && lines[end]?.cells.length === width) end++
    const [here, next] = [lines[at], lines[end]]
    if (width > 1 && end - at > 1) pieces.push(tableOf(lines.slice(at, end)))
    else pieces.push((here?.cells ?? []).map(escapeMarks).join(' '))
    const isTable = end - at > 1 || (next && next.cells.length > 1)
    const isFar = here && next && Math.abs((lines[end - 1]?.y ?? 0) - next.y) > 1.7 * here.fontSize
    pieces.push(isTable || isFar ? '\n\n' : '\n')
    at = end
  }
  return pieces.join('').trim()
}

function tableOf(lines: PdfLine[]): string {
  const [head = '', ...rows] = lines.map(({ cells }) => `| ${cells.map((cell) => escapeMarks(cell)).join(' | ')} |`)
  const rule = `|${' --- |'.repeat(lines[0]?.cells.length ?? 0)}`
  return [head, rule, ...rows].join('\n')
}

const escapeMarks = (text: string): string => text.replace(/[\\`*_[\]|<]/g, '\\$&')
