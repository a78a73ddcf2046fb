import { readFile } from 'node:fs/promises'

const LOOK_MS = 1_000

/**
 * Calls back when the text of a file is another than before, once for each: with undefined when it cannot be read. By
 * looking, not by listening: a mounted file is replaced by turning a link, which nothing tells of. What is compared is
 * the text itself: a time can be the same, and a change between the reading before and the first look would be missed.
 * @param onError told what `onChange` throws: the file is followed on, the same text is not tried again
 * @returns how to stop
 */
export function followText(
  path: string,
  before: string | undefined,
  onChange: (text: string | undefined) => void,
  onError: (error: unknown) => void = () => undefined,
): () => void {
  let known = before
  let isStopped = false
  const look = async () => {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (isStopped || text === known) return
    known = text
    onChange(text)
  }
  const timer = setInterval(() => void look().catch(onError), LOOK_MS).unref()
  return () => {
    isStopped = true
    clearInterval(timer)
  }
}
