import type { EngineChoice, EngineName, SearchEngine } from './search-engine.ts'
import { createSearxngEngine, type SearxngOptions } from './searxng.client.ts'
import { createSerperEngine, type SerperOptions } from './serper.client.ts'

export type EngineSettings = {
  order: EngineName[]
  serper?: SerperOptions | undefined
  searxng?: SearxngOptions | undefined
  offline: SearchEngine
}

/** The engines in the operator's order. One that is named but not set up stays in the list as the reason it is passed over. */
export const createEngines = ({ order, serper, searxng, offline }: EngineSettings): EngineChoice[] =>
  order.map((name) => {
    if (name === 'serper') return serper ? { engine: createSerperEngine(serper) } : { missing: 'serper_unavailable' }
    if (name === 'searxng')
      return searxng ? { engine: createSearxngEngine(searxng) } : { missing: 'searxng_unconfigured' }
    return { engine: offline }
  })

/**
 * The order to ask in. A list is taken as it is; one name alone is asked first, then what else is set up, and offline,
 * which always answers. Without a name: Serper with a key, SearXNG with a URL, offline.
 */
export function orderEngines(wanted: EngineName[], ready: EngineName[]): EngineName[] {
  if (wanted.length > 1) return [...new Set(wanted)]
  const [first = ready[0] ?? 'offline'] = wanted
  return first === 'offline' ? [first] : [...new Set([first, ...ready, 'offline' as const])]
}
