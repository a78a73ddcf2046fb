import { offlineEngine } from './offline-engine.ts'
import type { EngineChoice, EngineName } from './search-engine.ts'
import { createSearxngEngine, type SearxngOptions } from './searxng.client.ts'
import { createSerperEngine, type SerperOptions } from './serper.client.ts'

export type EngineSettings = {
  order: EngineName[]
  serper?: SerperOptions | undefined
  searxng?: SearxngOptions | undefined
}

/** The engines in the operator's order. One that is named but not set up stays in the list as the reason it is passed over. */
export const createEngines = ({ order, serper, searxng }: EngineSettings): EngineChoice[] =>
  order.map((name) => {
    if (name === 'serper') return serper ? { engine: createSerperEngine(serper) } : { missing: 'serper_unavailable' }
    if (name === 'searxng')
      return searxng ? { engine: createSearxngEngine(searxng) } : { missing: 'searxng_unconfigured' }
    return { engine: offlineEngine }
  })
