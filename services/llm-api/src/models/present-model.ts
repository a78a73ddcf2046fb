import { capabilitiesOf } from '../providers/capabilities.ts'
import type { KnownProvider } from '../providers/known-providers.ts'
import type { ModelRow } from './model.store.ts'
import type { ModelFacts } from './model-facts.ts'
import type { Deployment, OfferedModel, Prices } from './offered-model.ts'

const unix = (at: Date) => Math.floor(at.getTime() / 1000)

export const presentModel = (model: OfferedModel) => ({
  ...identity(model),
  ...present(model, model.deployments[0]!),
  ...(model.contextLength === undefined ? {} : { context_length: model.contextLength }),
  capabilities: {
    image_input: model.deployments.some(({ takesImages }) => takesImages),
    file_input: model.deployments.some(({ takesFiles }) => takesFiles),
  },
})

/** A row for every place that serves the model. */
export const presentDeployments = (model: OfferedModel) =>
  model.deployments.map((deployment) => ({
    ...identity(model),
    ...present(model, deployment),
    ...(deployment.contextLength === undefined ? {} : { context_length: deployment.contextLength }),
    provider_id: deployment.providerId,
    provider_vendor: deployment.kind,
    provider_name: deployment.providerName,
  }))

const identity = ({ id, createdAt, ownedBy }: OfferedModel) => ({
  id,
  object: 'model' as const,
  created: unix(createdAt),
  owned_by: ownedBy,
})

const present = (
  { displayName }: OfferedModel,
  { maxCompletionTokens, prices, takesImages, takesFiles }: Deployment,
) => ({
  display_name: displayName,
  ...(maxCompletionTokens === undefined ? {} : { max_completion_tokens: maxCompletionTokens }),
  ...(Object.keys(prices).length === 0 ? {} : { pricing: presentPrices(prices) }),
  capabilities: { image_input: takesImages, file_input: takesFiles },
})

const presentPrices = ({ request, ...tokens }: Prices) => ({
  currency: 'USD' as const,
  per_million_tokens: tokens,
  ...(request === undefined ? {} : { per_request: request }),
})

const EDITED: Partial<Record<keyof ModelFacts, string>> = {
  displayName: 'display_name',
  prices: 'pricing',
  contextLength: 'token_limits',
  maxCompletionTokens: 'token_limits',
  supportsImages: 'supports_images',
  supportsFiles: 'supports_files',
  supportsEmbeddings: 'supports_embeddings',
  supportsReasoning: 'supports_reasoning',
  supportsAudio: 'supports_audio',
  supportsVideo: 'supports_video',
}

/** For admins. */
export function presentProviderModel(row: ModelRow, provider: KnownProvider) {
  const configured = provider.operator?.models.find(({ modelId }) => modelId === row.modelId)?.model
  const facts = { ...row.listed, ...configured, ...row.edits }
  const { takesImages, takesFiles } = capabilitiesOf(provider.kind, provider.metadata)
  return {
    id: row.id,
    object: 'provider_model' as const,
    provider_id: provider.id,
    provider_vendor: provider.kind,
    provider_name: provider.name,
    model_catalog_id: row.publicId,
    model_public_id: row.publicId,
    provider_original_model_id: row.modelId,
    display_name: facts.displayName ?? row.modelId,
    pricing: { lines: facts.prices ?? [] },
    token_limits: {
      context_length: facts.contextLength ?? null,
      max_completion_tokens: facts.maxCompletionTokens ?? null,
    },
    family: facts.family ?? null,
    supports_images: facts.supportsImages ?? takesImages,
    supports_files: facts.supportsFiles ?? takesFiles,
    supports_embeddings: facts.supportsEmbeddings ?? false,
    supports_reasoning: facts.supportsReasoning ?? false,
    supports_audio: facts.supportsAudio ?? false,
    supports_video: facts.supportsVideo ?? false,
    weight: facts.weight ?? provider.operator?.weight ?? WEIGHT,
    active: row.active,
    edited: [...new Set(Object.keys(row.edits).map((name) => EDITED[name as keyof ModelFacts] ?? name))],
    created_at: unix(row.createdAt),
    updated_at: unix(row.updatedAt),
  }
}

/** Of those that nobody gave one. */
export const WEIGHT = 100
