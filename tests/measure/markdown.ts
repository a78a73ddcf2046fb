/** A table whose first column is text and whose others are numbers. */
export function presentTable(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_cell, index) => (index === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

/**
 * The page with the section between `<!-- kind:name -->` and `<!-- /kind:name -->` replaced; a new section goes above
 * `<!-- kind:end -->`, where a page has that line.
 * @throws Error when there is no place for it
 */
export function withSection(page: string, kind: string, { name, text }: { name: string; text: string }): string {
  const [begin, end, last] = [`<!-- ${kind}:${name} -->`, `<!-- /${kind}:${name} -->`, `<!-- ${kind}:end -->`]
  const section = `${begin}\n\n${text}\n\n${end}`
  if (!page.includes(begin) && page.includes(last)) return page.replace(last, () => `${section}\n\n${last}`)
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the page has no place between ${begin} and ${end}`)
  return page.slice(0, from) + section + page.slice(to + end.length)
}
