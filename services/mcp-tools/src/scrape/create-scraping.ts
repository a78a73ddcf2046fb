import type { GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import type { Redis } from '@jan/service-kit/redis'
import { createCache } from '../cache/cache.ts'
import type { Config } from '../config.ts'
import { createPageExtractor } from './extract-page.ts'
import { createPageCache } from './page-cache.ts'
import { createAskRobots } from './robots.ts'
import { createPageTurns, type ScrapeDeps } from './scrape-page.ts'

/** What scraping needs beside a way out. */
export type Scraping = Omit<ScrapeDeps, 'fetch' | 'clock'>

type Parts = { fetch: GuardedFetch['fetch']; redis: Redis | undefined; userAgent: string }

const PAGES = { name: 'pages', maxEntryChars: 2 << 20, maxChars: 16 << 20 }
const ROBOTS = { name: 'robots', maxEntryChars: 512 << 10, maxChars: 4 << 20 }

export const createScraping = (config: Config['scrape'], { fetch, redis, userAgent }: Parts): Scraping => ({
  extract: createPageExtractor(),
  pages: createPageTurns(),
  kept: createPageCache(createCache({ ...PAGES, redis }), config.cacheMs),
  askRobots: config.obeysRobots
    ? createAskRobots({
        fetch,
        cache: createCache({ ...ROBOTS, redis }),
        product: userAgent.replace(/\/.*/, ''),
      })
    : undefined,
})
