import gfmPlugins from '@joplin/turndown-plugin-gfm'
import { Readability } from '@mozilla/readability'
import { parseHTML } from 'linkedom'
import TurndownService from 'turndown'
import { isUnseen, type PageDocument, settleLinks, visibleText } from './page-dom.ts'
import { decodeText, type PageSource } from './page-source.ts'

export type ReadPage = {
  title: string | null
  text: string
  /** Null unless asked for. */
  markdown: string | null
  /** What the page says of itself. */
  about: {
    pages?: number
    byline?: string
    siteName?: string
    language?: string
    publishedTime?: string
    excerpt?: string
  }
}

/** Beyond this many elements the search for the article costs more than it gives; the whole body is taken. */
const MAX_ELEMENTS = 30_000

/**
 * Reads the article out of a page, or its whole body when there is no article to be found.
 * Hostile pages keep it busy for minutes: run it where it can be killed.
 */
export function readHtml(source: PageSource, includeMarkdown: boolean): ReadPage {
  const html = decodeText(source)
  const article = findArticle(html)
  const content = article?.content ? parse(article.content) : parse(html)
  const title = article?.title?.trim() || content.querySelector('title')?.textContent?.trim() || null
  settleLinks(content.body, source.url)
  const about = {
    byline: article?.byline,
    siteName: article?.siteName,
    language: article?.lang,
    publishedTime: article?.publishedTime,
    excerpt: article?.excerpt,
  }
  return {
    title,
    text: visibleText(content.body),
    markdown: includeMarkdown ? toMarkdown(content) : null,
    about: Object.fromEntries(Object.entries(about).filter(([, value]) => value)),
  }
}

function findArticle(html: string) {
  try {
    return new Readability(parse(html), { maxElemsToParse: MAX_ELEMENTS }).parse()
  } catch {
    // It throws on pages beyond its element limit and on documents it does not expect.
    return null
  }
}

/** The parser invents no `<html>` and `<body>`, which HTML allows to leave out: without them, all of it is put into new ones. */
function parse(html: string): PageDocument {
  const complete = /<html[\s>]/i.test(html) && /<body[\s>]/i.test(html)
  const inner = html.replace(/<(?:!doctype|\/?(?:html|head|body))\b[^>]*>/gi, '')
  const document: PageDocument = parseHTML(complete ? html : `<html><head></head><body>${inner}</body></html>`).document
  for (const base of document.querySelectorAll('base')) base.remove()
  return document
}

function toMarkdown(content: PageDocument): string {
  const turndown = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' })
  turndown.use(gfmPlugins.gfm)
  turndown.remove((node: { nodeName: string }) => isUnseen(node.nodeName))
  // As text: the plugin for tables needs `rows`, which only turndown's own parser has.
  return turndown.turndown(content.body.innerHTML)
}
