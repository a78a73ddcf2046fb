import { z } from 'zod'
import { numeric } from '../tools/numeric.ts'

export const DEFAULT_MAX_CHARS = 20_000

const includeMarkdown = z.boolean().optional()

export const scrapeInput = z.object({
  url: z.string().min(1).max(8_192).describe('http or https address of a page, PDF or text document'),
  includeMarkdown: includeMarkdown.describe('Also return the page as Markdown, with links and tables'),
  include_markdown: includeMarkdown.describe('The same as includeMarkdown'),
  max_chars: numeric(z.int().min(1).max(200_000))
    .default(DEFAULT_MAX_CHARS)
    .describe('Longest piece of text to return'),
  start_index: numeric(z.int().min(0))
    .default(0)
    .describe('Where the piece starts: next_start_index of the answer before'),
})

export const scrapeOutput = z.object({
  source_url: z.string().describe('Where the page came from, after redirects'),
  title: z.string().nullable(),
  text: z.string().describe('The readable text from start_index on, at most max_chars long'),
  text_preview: z.string().describe('The first 600 characters of the whole text, or max_chars when that is less'),
  markdown: z.string().optional().describe('The same piece of the Markdown form'),
  metadata: z.looseObject({
    status: z.int(),
    contentType: z.string(),
    title: z.string().optional(),
    pages: z.int().optional(),
    byline: z.string().optional(),
    siteName: z.string().optional(),
    language: z.string().optional(),
    publishedTime: z.string().optional(),
    excerpt: z.string().optional(),
  }),
  total_chars: z.int().describe('Length of the whole text'),
  start_index: z.int(),
  next_start_index: z.int().nullable().describe('Where to go on, null at the end of text and Markdown'),
  cache_status: z
    .enum(['live', 'cached', 'revalidated'])
    .describe('live: fetched now; revalidated: the site says that nothing changed; cached: it need not be asked'),
  fetched_at: z.iso.datetime(),
})

export type ScrapeInput = z.output<typeof scrapeInput>
export type ScrapedPage = z.input<typeof scrapeOutput>
