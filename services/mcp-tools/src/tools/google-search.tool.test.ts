import { silentLogger } from '@jan/service-kit/logger'
import { expect, test } from '@jest/globals'
import { createMemoryCache } from '../cache/cache.ts'
import { createSearchMemory } from '../search/engine-cache.ts'
import { createOfflineEngine } from '../search/offline-engine.ts'
import type { SearchEngine } from '../search/search-engine.ts'
import { googleSearchTool } from './google-search.tool.ts'
import type { ToolCall, ToolDeps } from './tool.ts'

const engineNamed = (name: 'serper' | 'searxng'): { engine: SearchEngine } => ({
  engine: {
    name,
    live: true,
    paid: name === 'serper',
    search: async () => ({ pages: [{ title: `From ${name}`, url: 'https://found.example/', snippet: 'A page' }] }),
  },
})

const nothing = async () => []
const offlineEngine = createOfflineEngine({ searchDocuments: nothing, docs: { search: nothing } })

const searchAs = async (mayPay: boolean, engines = [engineNamed('serper'), { engine: offlineEngine }]) => {
  const deps = {
    search: { engines, offlineEngine, memory: createSearchMemory(createMemoryCache(0, 0), 0), offline: false },
    now: () => new Date(0),
  } as unknown as ToolDeps
  const call = {
    caller: { kind: 'user' as const, subject: 'ada', workspaceId: 'ada', roles: [] },
    surface: 'mcp' as const,
    mayPay,
    requestId: 'r',
    signal: new AbortController().signal,
    log: silentLogger,
    progress: async () => {},
  }
  return googleSearchTool.run(deps, call as unknown as ToolCall, googleSearchTool.input.parse({ q: 'bees' }))
}

test('a search may cost money', async () => {
  const { text, structured } = await searchAs(true)
  expect(structured).toMatchObject({ engine: 'serper', live: true })
  expect(text).toEqual([false, { foreign: 'From serper\nhttps://found.example/\nA page' }])
})

test('a search that may not costs nothing, and says why it found nothing', async () => {
  const { text, structured } = await searchAs(false)
  expect(structured).toMatchObject({ engine: 'offline', live: false, cache_status: 'serper_not_for_guests' })
  expect(text).toEqual([
    expect.stringContaining('No search engine was asked'),
    expect.stringContaining('No live results'),
  ])
})

test('who may not pay gets the next engine that costs nothing [H-87 B-012]', async () => {
  const { structured } = await searchAs(false, [engineNamed('serper'), engineNamed('searxng')])
  expect(structured).toMatchObject({ engine: 'searxng', live: true })
})
