import type { Caller, Person } from '@jan/service-kit/auth'
import { newId } from '@jan/service-kit/ids'
import { silentLogger } from '@jan/service-kit/logger'
import { expect, test } from '@jest/globals'
import { offlineEngine } from '../search/offline-engine.ts'
import type { SearchEngine } from '../search/search-engine.ts'
import { googleSearchTool } from './google-search.tool.ts'
import type { ToolDeps } from './tool.ts'

const engineNamed = (name: 'serper' | 'searxng'): { engine: SearchEngine } => ({
  engine: {
    name,
    live: true,
    search: async () => ({ pages: [{ title: `From ${name}`, url: 'https://found.example/', snippet: 'A page' }] }),
  },
})

const searchAs = async (caller: Caller, engines = [engineNamed('serper'), { engine: offlineEngine }]) => {
  const deps = { search: { engines, offline: false }, now: () => new Date(0) } as unknown as ToolDeps
  const call = {
    caller,
    requestId: 'r',
    signal: new AbortController().signal,
    log: silentLogger,
    newId,
    startedAt: new Date(0),
    progress: async () => {},
  }
  return googleSearchTool.run(deps, call, googleSearchTool.input.parse({ q: 'bees' }))
}

const person = (kind: Person['kind']): Person => ({ kind, subject: 'ada', workspaceId: 'ada', roles: [] })

test.each([['user'], ['key']] as const)('a search by a %s may cost money', async (kind) => {
  const { text, structured } = await searchAs(person(kind))
  expect(structured).toMatchObject({ engine: 'serper', live: true })
  expect(text).toBe('From serper\nhttps://found.example/\nA page')
})

test.each([
  ['guest', person('guest')],
  ['guest that a service acts for', { ...person('guest'), via: 'response-api' }],
  ['service that acts for nobody', { kind: 'service', service: 'response-api' }],
] as [string, Caller][])('a search by a %s costs nothing, and says why it found nothing', async (_who, caller) => {
  const { text, structured } = await searchAs(caller)
  expect(structured).toMatchObject({ engine: 'offline', live: false, cache_status: 'serper_not_for_guests' })
  expect(text).toContain('No search engine was asked')
})

test('a guest gets the next engine that costs nothing [H-87]', async () => {
  const { structured } = await searchAs(person('guest'), [engineNamed('serper'), engineNamed('searxng')])
  expect(structured).toMatchObject({ engine: 'searxng', live: true })
})
