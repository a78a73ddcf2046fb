const marks = (name: string) => [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`] as const

/** The page with the scenario's section between its markers replaced. @throws Error when it has no such markers */
export function withSection(page: string, name: string, section: string): string {
  const [begin, end] = marks(name)
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the page has no place between ${begin} and ${end}`)
  return `${page.slice(0, from + begin.length)}\n\n${section}\n\n${page.slice(to)}`
}
