/** `text` with a block of lines before the line that `mark` matches. @throws Error when no line does, or several do */
export function insertBefore(text: string, mark: RegExp, block: string): string {
  const lines = text.split('\n')
  const places = lines.flatMap((line, at) => (mark.test(line) ? [at] : []))
  if (places.length !== 1)
    throw new Error(`There should be one line like ${mark.source}, and there are ${places.length}`)
  return lines.toSpliced(places[0]!, 0, ...block.split('\n')).join('\n')
}
