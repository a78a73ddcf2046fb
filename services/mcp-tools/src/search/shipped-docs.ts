import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import MiniSearch, { type SearchResult } from 'minisearch'
import type { FoundPage } from './search-engine.ts'

export type ShippedDocs = {
  /** Sections that hold most of the words, best first; none when there are no docs beside the service. */
  search(query: string, most: number): Promise<FoundPage[]>
  /** The Markdown of a page, by its path below `docs/`; undefined for what is none. */
  read(path: string): Promise<string | undefined>
}

type Section = FoundPage & { id: number; path: string; text: string }

/** English words that say nothing of what is looked for; the docs are English. */
const FILLERS = new Set(
  (
    'a about all an and any are as at be but by can could do does for from get give has have how i if in is it its ' +
    'latest list me must my need new news not of on or our please should show so tell than that the their them there these they ' +
    'this to today us was we what when where which who why will with would you your'
  ).split(' '),
)

const readWord = (word: string): string | null => {
  const lower = word.toLowerCase()
  return lower.length < 2 || FILLERS.has(lower) ? null : lower
}

/** The Markdown below `folder`, read when it is first asked for. `baseUrl` is where people read it, without a slash at its end. */
export function createShippedDocs({ folder, baseUrl }: { folder: string; baseUrl: string }): ShippedDocs {
  let index: Promise<MiniSearch<Section>> | undefined
  return {
    read: async (path) => ((await pagesIn(folder)).includes(path) ? readFile(join(folder, path), 'utf8') : undefined),
    async search(query, most) {
      index ??= readDocs(folder, baseUrl)
      const words = new Set(query.split(/[\s\p{P}\p{S}]+/u).flatMap((word) => readWord(word) ?? []))
      if (words.size === 0) return []
      const hits = (await index).search([...words].join(' '), {
        boost: { title: 3, path: 2 },
        prefix: (word) => word.length > 3,
      })
      return hits
        .filter((hit) => isFitting(hit, words.size))
        .slice(0, most)
        .map(({ title, url, text, terms }) => ({ title, url, snippet: around(text, terms) }))
    },
  }
}

/** One word somewhere in a page says nothing; most of them, one of them in a heading or the file's name, or all of them do. */
function isFitting({ queryTerms, match }: SearchResult, asked: number): boolean {
  const found = new Set(queryTerms).size
  if (found === asked && asked > 1) return true
  return (
    found >= Math.ceil(asked * 0.6) && Object.values(match).some((fields) => fields.some((field) => field !== 'text'))
  )
}

async function readDocs(folder: string, baseUrl: string): Promise<MiniSearch<Section>> {
  const index = new MiniSearch<Section>({
    fields: ['title', 'path', 'text'],
    storeFields: ['title', 'url', 'text'],
    processTerm: readWord,
  })
  for (const path of await pagesIn(folder)) {
    const sections = sectionsOf(await readFile(join(folder, path), 'utf8'), path, baseUrl)
    index.addAll(sections.map((section, at) => ({ ...section, id: index.documentCount + at })))
  }
  return index
}

async function pagesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  return names
    .filter((name) => name.endsWith('.md'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort()
}

/** A page, heading by heading; a link to a heading is written as GitHub writes it. */
function sectionsOf(source: string, path: string, baseUrl: string): Omit<Section, 'id'>[] {
  const markdown = source.replace(/<!--[\s\S]*?-->/g, '')
  const url = `${baseUrl}/${path}`
  const [, page = 'Documentation'] = /^# +(.+)$/m.exec(markdown) ?? []
  return markdown.split(/^(?=#{1,4} )/m).flatMap((part) => {
    const [, marks = '', heading = page, body = ''] = /^(?:(#{1,4}) +(.+)\n)?([\s\S]*)$/.exec(part) ?? []
    const text = plain(body)
    if (text === '') return []
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    const isTop = marks.length < 2
    return [
      {
        title: isTop ? page : `${page}: ${plain(heading)}`,
        url: isTop ? url : `${url}#${anchor}`,
        path,
        text,
        snippet: '',
      },
    ]
  })
}

const plain = (markdown: string): string =>
  markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^[\s|:-]+$/gm, ' ')
    .replace(/[`*|]|^```.*$|^#+ /gm, ' ')
    .replace(/\s+/g, ' ')
    .trim()

/** Some 300 characters around the first word that was found. */
function around(text: string, words: string[]): string {
  const lower = text.toLowerCase()
  const hit = Math.max(0, Math.min(...words.map((word) => lower.indexOf(word)).filter((at) => at >= 0), text.length))
  const start = hit < 120 || hit === text.length ? 0 : text.lastIndexOf(' ', hit - 100) + 1
  const piece = text.slice(start, start + 300)
  return `${start > 0 ? '…' : ''}${piece}${start + 300 < text.length ? '…' : ''}`
}
