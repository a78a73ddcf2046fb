const useColour = process.stdout.isTTY
const colour = (code: number, text: string) => (useColour ? `\x1b[${code}m${text}\x1b[0m` : text)

export const say = (text: string) => console.log(text)
export const section = (title: string) => console.log(`\n${colour(1, title)}`)

/** One line of a call or an answer, long values shortened. */
export function show(mark: string, head: string, body?: unknown): void {
  console.log(`${colour(36, mark)} ${head}${body === undefined ? '' : `  ${shown(body)}`}`)
}

const LONGEST_LINE = 900

export function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? value
      : JSON.stringify(value, (_key, inner) => (typeof inner === 'string' ? shorten(inner, 160) : inner))
  return shorten(text.replace(/\s+/g, ' '), LONGEST_LINE)
}

const shorten = (text: string, length: number) =>
  text.length > length ? `${text.slice(0, length)}… (${text.length} characters)` : text

export type StreamEvent = { name: string | undefined; data: unknown }

/** Reads a whole event stream and checks that it ends as OpenAI's do. @throws Error when `data: [DONE]` is missing */
export async function readStream(response: Response): Promise<StreamEvent[]> {
  const frames = (await response.text()).split('\n\n').filter((frame) => frame.trim() && !frame.startsWith(':'))
  const field = (frame: string, name: string) =>
    frame
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  if (field(frames.pop() ?? '', 'data') !== '[DONE]') throw new Error('The stream does not end with data: [DONE]')
  return frames.map((frame) => ({ name: field(frame, 'event'), data: JSON.parse(field(frame, 'data') ?? 'null') }))
}
