import { isUnspaced, type Word, wordsIn } from './words-of.ts'

const BEFORE = 60
const LENGTH = 200

/** The part of a text where the first of these words stands, on one line; `…` where something was left out. */
export function snippetOf(text: string, asked: Word[]): string {
  const hit = placeOf(text, asked) ?? 0
  const start = hit <= BEFORE ? 0 : wordStart(text, hit - BEFORE, hit)
  const end = start + LENGTH >= text.length ? text.length : wordEnd(text, start + LENGTH)
  const part = text.slice(start, end).toWellFormed().replace(/\s+/g, ' ').trim()
  return `${start > 0 ? '…' : ''}${part}${end < text.length ? '…' : ''}`
}

function placeOf(text: string, asked: Word[]): number | undefined {
  for (const { word, at } of wordsIn(text))
    for (const each of asked) {
      if (word.startsWith(each.word)) return at
      if (isUnspaced(each.word) && word.includes(each.word)) return at + word.indexOf(each.word)
    }
  return undefined
}

/** After the first space from here on, unless there is none before the hit; never inside a pair of surrogates. */
function wordStart(text: string, from: number, hit: number): number {
  const space = text.slice(from, hit).search(/\s/)
  return space === -1 ? whole(text, from) : from + space + 1
}

function wordEnd(text: string, until: number): number {
  const space = text.lastIndexOf(' ', until)
  return space > until - 30 ? space : whole(text, until)
}

const whole = (text: string, at: number) => (/[\udc00-\udfff]/.test(text[at] ?? '') ? at - 1 : at)
