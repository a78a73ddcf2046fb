import { AppError } from '@jan/service-kit/errors'
import type { Dispatcher } from 'undici'
import { headersOf } from './kinds.ts'
import type { KnownProvider } from './known-providers.ts'
import type { Timeouts } from './operator-provider.ts'
import { createProviderClient, type ProviderClient } from './provider.client.ts'

export type ProviderClients = {
  client(providerId: string): ProviderClient | undefined
  /** Fails unless every provider that is on answers and takes our key. */
  check(): Promise<void>
  close(): Promise<void>
}

/** What makes a provider's client. */
export type Address = Pick<KnownProvider, 'kind' | 'baseUrl' | 'apiKey' | 'operator'> &
  Partial<Pick<KnownProvider, 'timeouts'>>

export type ManagedClients = ProviderClients & {
  /** Makes clients for those that are new or moved, and lets go of the others when their answers have ended. */
  follow(providers: KnownProvider[]): void
  /** One that nobody else knows, for a question. */
  make(address: Address): ProviderClient
}

type Made = { client: ProviderClient; of: string; name: string; active: boolean; problem: string | undefined }

export type ClientSettings = {
  timeouts: Timeouts
  /** For addresses that came over the API: it reaches the public internet, and what the operator allowed. */
  guarded: Dispatcher
}

/** Longer than any answer goes on. */
const LET_GO_MS = 15 * 60_000

/** A pool of connections for every provider, made again when its address, key or limits change. */
export function createProviderClients({ timeouts, guarded }: ClientSettings): ManagedClients {
  const clients = new Map<string, Made>()
  const retired = new Set<ProviderClient>()

  const make = ({ kind, baseUrl, apiKey, operator, timeouts: own }: Address) =>
    createProviderClient({
      ...timeouts,
      ...own,
      baseUrl,
      headers: headersOf(kind, apiKey),
      ...(operator ? {} : { dispatcher: guarded }),
    })

  const retire = (client: ProviderClient) => {
    retired.add(client)
    setTimeout(() => {
      retired.delete(client)
      void client.close()
    }, LET_GO_MS).unref()
  }

  return {
    make,
    client: (id) => {
      const made = clients.get(id)
      return made?.problem === undefined ? made?.client : undefined
    },
    follow: (providers) => {
      const left = new Map(clients)
      clients.clear()
      for (const provider of providers) {
        const { id, name, active, problem, kind, baseUrl, apiKey } = provider
        const of = JSON.stringify([baseUrl, headersOf(kind, apiKey), provider.timeouts])
        const before = left.get(id)
        const client = before?.of === of ? before.client : make(provider)
        if (before?.of === of) left.delete(id)
        clients.set(id, { client, of, name, active, problem })
      }
      for (const { client } of left.values()) retire(client)
    },
    check: async () => {
      const asked = [...clients.values()].filter(({ active }) => active)
      await Promise.all(
        asked.map(async ({ client, name, problem }) => {
          if (problem) throw new AppError('unavailable', `${name}: ${problem}`)
          await client.check()
        }),
      )
    },
    close: async () => {
      await Promise.all([...clients.values()].map(({ client }) => client.close()))
      await Promise.all([...retired].map((client) => client.close()))
    },
  }
}
