import { z } from 'zod'
import { numeric } from '../tools/numeric.ts'

/** Less than 1 counts as not said, as it always did; a model need not know. */
const to100 = numeric(z.int().max(100).meta({ minimum: 1 })).optional()

export const googleSearchInput = z.object({
  q: z.string().trim().min(1).max(2_000).describe('What to look for'),
  gl: z.string().optional().describe('Country of the results, two letters: de'),
  hl: z.string().optional().describe('Language of the results: de or de-AT'),
  location: z.string().optional().describe('Place to search from, for example "Austin, Texas"'),
  num: to100.describe('Number of results at most (default 10)'),
  tbs: z.string().optional().describe('Age of the results: qdr:h, qdr:d, qdr:w, qdr:m or qdr:y'),
  page: to100.describe('Page of results, from 1'),
  autocorrect: z.boolean().default(true).describe('Whether spelling is corrected'),
  domain_allow_list: z
    .array(z.string())
    .max(100)
    .optional()
    .describe('Only results of these domains and their subdomains'),
  location_hint: z.string().optional().describe('Used as location when there is none'),
  offline_mode: z
    .boolean()
    .optional()
    .describe('true: nothing leaves the machine; your indexed documents and the platform’s own docs are searched'),
})

export const searchResult = z.object({
  position: z.int().describe('From 1'),
  title: z.string(),
  source_url: z.string(),
  snippet: z.string(),
  cache_status: z.string().describe('live, cached, offline (found on this platform), or fallback: no result at all'),
  live: z.boolean().optional().describe('false with a fallback'),
  fetched_at: z.iso.datetime(),
})

export const googleSearchOutput = z.object({
  query: z.string(),
  engine: z.string(),
  live: z.boolean().describe('Whether these are results of a search engine'),
  cache_status: z
    .string()
    .describe('live, cached, or why no engine was asked: offline_mode, serper_error, searxng_unconfigured …'),
  metadata: z.looseObject({
    engine: z.string(),
    live: z.boolean(),
    domain_allow_list: z.array(z.string()).nullable(),
    location_hint: z.string().optional(),
    q: z.string().describe('The query as the engine got it'),
    reason: z.string().optional().describe('What went wrong before'),
    unresponsive_engines: z.array(z.string()).optional(),
  }),
  results: z.array(searchResult),
  citations: z.array(z.string()).describe('Addresses of the results, in order; a fallback is none'),
  raw: z
    .looseObject({
      searchParameters: z.record(z.string(), z.unknown()),
      organic: z.array(z.record(z.string(), z.unknown())),
    })
    .describe('What the engine told, as far as the allowed domains let it through'),
})

export type GoogleSearchInput = z.output<typeof googleSearchInput>
export type SearchDocument = z.input<typeof googleSearchOutput>
