import { Secret } from '@jan/service-kit/config'
import type { FieldCipher } from '@jan/service-kit/field-encryption'
import type { OperatorProvider, Timeouts } from './operator-provider.ts'
import type { ProviderRow } from './provider.store.ts'

/** A provider as this process asks it. */
export type KnownProvider = Omit<ProviderRow, 'secret'> & {
  apiKey: Secret | undefined
  timeouts: Partial<Timeouts>
  /** What the configuration says of it. */
  operator: OperatorProvider | undefined
  /** Why it cannot be asked. */
  problem: string | undefined
}

export const secretContext = (providerId: string): string => `provider.secret:${providerId}`

/** Those of the API, and those that this process's own configuration names, as it names them. */
export function knownProviders(
  rows: ProviderRow[],
  operators: OperatorProvider[],
  cipher: Pick<FieldCipher, 'decrypt'>,
): KnownProvider[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  const ours = operators.map((operator): KnownProvider => {
    const { secret: _secret, ...kept } = byId.get(operator.id) ?? rowOf(operator)
    const { name, kind, baseUrl, apiKey, active, metadata, timeouts } = operator
    return { ...kept, name, kind, baseUrl, apiKey, active, metadata, timeouts, operator, problem: undefined }
  })
  return [...ours, ...rows.filter(({ source }) => source === 'api').map((row) => addedProvider(row, cipher))]
}

/** It serves also while nothing can be read or written. */
const rowOf = ({ id, source, name, kind, baseUrl, active, metadata }: OperatorProvider): ProviderRow => ({
  ...{ id, source, name, kind, baseUrl, active, metadata },
  ...{ secret: null, keyHint: null, syncedAt: null, failedAt: null, lastError: null },
  createdAt: new Date(0),
  updatedAt: new Date(0),
})

function addedProvider({ secret, ...row }: ProviderRow, cipher: Pick<FieldCipher, 'decrypt'>): KnownProvider {
  const provider = { ...row, timeouts: {}, operator: undefined, apiKey: undefined, problem: undefined }
  if (secret === null) return provider
  try {
    return { ...provider, apiKey: new Secret(cipher.decrypt(secret, secretContext(row.id))) }
  } catch {
    return { ...provider, problem: 'Its key was encrypted with one that FIELD_ENCRYPTION_KEYS no longer holds' }
  }
}
