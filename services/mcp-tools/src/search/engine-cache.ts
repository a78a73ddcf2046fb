import { createHash } from 'node:crypto'
import { tryParseJson } from '@jan/service-kit/json-body'
import { z } from 'zod'
import type { Cache } from '../cache/cache.ts'
import { createFlights, type Flights } from '../cache/flights.ts'
import type { EngineAnswer, SearchEngine, SearchQuery } from './search-engine.ts'

/** An answer and when the engine gave it. */
export type DatedAnswer = { answer: EngineAnswer; fetchedAt: Date; isCached: boolean }

export type SearchMemory = {
  cache: Cache
  ttlMs: number
  /** Equal searches that are under way. */
  flights: Flights<DatedAnswer>
}

export const createSearchMemory = (cache: Cache, ttlMs: number): SearchMemory => ({
  cache,
  ttlMs,
  flights: createFlights(),
})

const page = z.object({
  title: z.string(),
  url: z.string(),
  snippet: z.string(),
  raw: z.record(z.string(), z.unknown()).optional(),
})

const stored = z.object({
  fetchedAt: z.coerce.date(),
  answer: z.object({
    pages: z.array(page),
    unresponsiveEngines: z.array(z.string()).optional(),
    extras: z.record(z.string(), z.unknown()).optional(),
  }),
})

/**
 * Asks an engine of the network, unless its answer to the same question is known. What the world may know is the same
 * for everybody, so callers share answers; but each engine has its own, so that what was paid for is found only by
 * those who may pay.
 * @throws as the engine
 */
export async function askOnce(
  { memory, clock }: { memory: SearchMemory; clock: () => Date },
  engine: SearchEngine,
  query: SearchQuery,
  signal: AbortSignal,
): Promise<DatedAnswer> {
  const key = createHash('sha256')
    .update(JSON.stringify([engine.name, Object.entries(query).sort()]))
    .digest('base64url')
  return memory.flights.join(key, signal, async (flight) => {
    const text = await memory.cache.get(key)
    const known = text === undefined ? undefined : stored.safeParse(tryParseJson(text))
    if (known?.success) return { ...(known.data as { answer: EngineAnswer; fetchedAt: Date }), isCached: true }
    const answer = await engine.search(query, { workspaceId: undefined, signal: flight })
    const fetchedAt = clock()
    // Half an answer is no reason to give it again.
    if (!answer.unresponsiveEngines)
      await memory.cache.set(key, JSON.stringify({ fetchedAt, answer } satisfies Partial<DatedAnswer>), memory.ttlMs)
    return { answer, fetchedAt, isCached: false }
  })
}
