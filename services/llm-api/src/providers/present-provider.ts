import { metadataOf } from './capabilities.ts'
import type { KnownProvider } from './known-providers.ts'

/** What everybody may know: no address, no key, and nothing that the operator noted for himself. */
export const presentPublicProvider = ({ id, name, kind, active }: KnownProvider) => ({
  id,
  object: 'provider' as const,
  name,
  vendor: kind,
  active,
})

export const presentProvider = (provider: KnownProvider) => ({
  ...presentPublicProvider(provider),
  source: provider.source as 'environment' | 'file' | 'api',
  base_url: provider.baseUrl,
  metadata: metadataOf(provider.kind, provider.metadata),
  api_key_hint: provider.operator ? hintOf(provider.operator.apiKey?.reveal()) : provider.keyHint,
  last_synced_at: unix(provider.syncedAt),
  last_error: provider.problem ?? provider.lastError,
  failed_at: unix(provider.failedAt),
  created_at: unix(provider.createdAt)!,
  updated_at: unix(provider.updatedAt)!,
})

/** Of a key so short that its end would give it away: nothing. */
export const hintOf = (key: string | undefined): string | null =>
  key !== undefined && key.length >= 12 ? key.slice(-4) : null

const unix = (at: Date | null): number | null => (at ? Math.floor(at.getTime() / 1000) : null)
