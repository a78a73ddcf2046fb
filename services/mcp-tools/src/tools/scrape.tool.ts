import { type ScrapedPage, scrapeInput, scrapeOutput } from '../scrape/scrape.schema.ts'
import { scrapePage } from '../scrape/scrape-page.ts'
import { defineTool } from './tool.ts'
import type { Words } from './untrusted.ts'

export const scrapeTool = defineTool({
  name: 'scrape',
  title: 'Read a web page',
  description:
    'Fetches a public web page, PDF or text document and returns its readable text, optionally as Markdown. ' +
    'Use it to read what a search found, or an address that the user gave. Long pages come in pieces.',
  input: scrapeInput,
  output: scrapeOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  timeoutMs: 45_000,
  run: async ({ fetch, scraping, now }, { signal }, input) => {
    const page = await scrapePage(
      { ...scraping, fetch, clock: now },
      {
        url: input.url,
        includeMarkdown: input.includeMarkdown ?? input.include_markdown ?? false,
        maxChars: input.max_chars,
        startIndex: input.start_index,
        signal,
      },
    )
    if ('error' in page) throw page.error
    return { text: presentPage(page), structured: page }
  },
})

function presentPage({ title, text, markdown, total_chars, start_index, next_start_index }: ScrapedPage): Words {
  const piece = markdown ?? text
  if (piece === '' && start_index > 0)
    return `There is nothing from start_index ${start_index} on: the text has ${total_chars} characters.`
  const more =
    next_start_index !== null && `(${total_chars} characters in all; go on with start_index ${next_start_index})`
  const found = [title, piece].filter(Boolean).join('\n\n')
  return [found !== '' && { foreign: found }, piece === '' && '(the page holds no text)', more]
}
