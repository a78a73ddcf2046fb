import type { Secret } from '@jan/service-kit/config'
import { idsFrom } from '@jan/service-kit/ids'
import type { CatalogFacts, ModelFacts } from '../models/model-facts.ts'
import type { KindName } from './kinds.ts'

/** Longest waits, in ms. */
export type Timeouts = { connectTimeoutMs: number; headTimeoutMs: number; idleTimeoutMs: number }

/** A model that the operator names: offered whether its provider lists it or not. */
export type ConfiguredModel = {
  modelId: string
  publicId: string | undefined
  model: ModelFacts
  catalog: Pick<CatalogFacts, 'aliases' | 'displayOrder' | 'longer'>
}

/** A provider that the configuration names. It is what the configuration says, in each process by its own. */
export type OperatorProvider = {
  /** The same at every start. */
  id: string
  source: 'environment' | 'file'
  name: string
  kind: KindName
  baseUrl: string
  apiKey: Secret | undefined
  active: boolean
  metadata: Record<string, string>
  /** Whether models that are new are offered. */
  enablesNew: boolean
  /** Whether it is asked for its models. */
  syncs: boolean
  /** Of its models that have none of their own. */
  weight: number | undefined
  timeouts: Partial<Timeouts>
  models: ConfiguredModel[]
}

/** @param seed what the configuration knows the provider by */
export const operatorId = (seed: string): string => idsFrom(`provider ${seed}`)('prov', 16)

/** Every process knows a model by the same id, also one that was never stored. */
export const providerModelId = (providerId: string, modelId: string): string =>
  idsFrom(`model ${providerId} ${modelId}`)('pmdl', 16)
