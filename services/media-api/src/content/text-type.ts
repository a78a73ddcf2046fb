import { type MediaType, mediaType, SVG, typeOfFilename } from './media-type.ts'

export type TextInput = {
  /** Its first ≤ 64 KiB. */
  head: Buffer
  /** All of it when it is small enough to be parsed. */
  content?: Buffer | undefined
  /** What the sender says it is, if that is a type of text. */
  declared?: MediaType | undefined
  filename?: string | undefined
}

/** Formats that are written in text but are none of ours. */
const REFUSED: [beginning: string, mime: string][] = [
  ['{\\rtf', 'application/rtf'],
  ['%!PS', 'application/postscript'],
]
const SVG_ROOT = /^<([\w-]+:)?svg[\s>/]/i
const HTML_ROOT = /^<(!DOCTYPE\s+html|html|head|body|script)[\s>/]/i

/** The name of a format that is text but is not accepted: a browser would run some of them. */
export function refusedText(head: Buffer): string | undefined {
  const text = beginning(head)
  const root = rootOf(text)
  if (SVG_ROOT.test(root)) return SVG.mime
  if (text.startsWith('<?xml') && !HTML_ROOT.test(root)) return 'application/xml'
  return REFUSED.find(([start]) => text.startsWith(start))?.[1]
}

/** From the first element or HTML's DOCTYPE on: comments, processing instructions and other DOCTYPEs say nothing. Empty when none is seen. */
function rootOf(text: string): string {
  for (let at = 0; ; ) {
    const rest = text.slice(at).trimStart()
    const past = text.length - rest.length
    const close = rest.startsWith('<!--') ? '-->' : rest.startsWith('<?') ? '?>' : undefined
    if (close) {
      const end = text.indexOf(close, past)
      if (end < 0) return ''
      at = end + close.length
    } else if (/^<!DOCTYPE\s(?!\s*html)/i.test(rest)) {
      const element = rest.search(/<[a-z]/i)
      return element < 0 ? '' : rest.slice(element)
    } else return rest
  }
}

/**
 * Which text it is. Any text can be plain, Markdown or CSV, so these are what they are called;
 * HTML and SVG (where that was not refused) are what begins like them, and JSON is what can be read as JSON.
 */
export function narrowText({ head, content, declared, filename }: TextInput): MediaType {
  const text = beginning(head)
  const root = rootOf(text)
  if (SVG_ROOT.test(root)) return SVG
  if (HTML_ROOT.test(root)) return mediaType('text/html')
  const named = filename === undefined ? undefined : typeOfFilename(filename)
  const isPlain = declared?.mime === 'text/plain'
  const called = declared && !isPlain ? declared : named?.kind === 'text' ? named : declared
  if (called?.mime === 'application/json') return mediaType(isJson(text, content) ? called.mime : 'text/plain')
  if (called?.mime === 'application/x-ndjson')
    return mediaType(areJsonLines(text, content) ? called.mime : 'text/plain')
  if (called) return called
  return mediaType(/^[{[]/.test(text) && isJson(text, content) ? 'application/json' : 'text/plain')
}

/** Without byte order mark and leading space. */
const beginning = (bytes: Buffer) => bytes.toString('utf8').replace(/^\uFEFF?\s*/, '')

/** What is too large to be parsed is JSON when it begins with an object or a list. */
function isJson(beginning: string, content: Buffer | undefined): boolean {
  return content ? parses(content.toString('utf8').replace(/^\uFEFF/, '')) : /^[{[]/.test(beginning)
}

/** Judged by all lines of a small file, and by the first of a large one as far as it can be seen. */
function areJsonLines(text: string, content: Buffer | undefined): boolean {
  if (content)
    return content
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .split('\n')
      .every((line) => line.trim() === '' || parses(line))
  const end = text.indexOf('\n')
  return end < 0 ? /^[{[]/.test(text) : parses(text.slice(0, end))
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
