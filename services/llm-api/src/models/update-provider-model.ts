import { AppError } from '@jan/service-kit/errors'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { UpdateProviderModel } from './model.schema.ts'
import type { ModelRow } from './model.store.ts'
import type { ModelFacts } from './model-facts.ts'

type Needs = Pick<Deps, 'models' | 'modelStores'>
type Input = z.output<typeof UpdateProviderModel>

/** Sets what an admin says of a model, which stays when its provider is asked again. @throws AppError `not_found`, `conflict` */
export async function updateProviderModel(deps: Needs, id: string, input: Input): Promise<ModelRow> {
  const row = await requireProviderModel(deps, id)
  if (input.active && (await deps.modelStores.catalogs.get(row.publicId))?.active === false)
    throw new AppError('conflict', `The catalog '${row.publicId}' is switched off: switch it on first`, {
      param: 'active',
    })
  const reset = (input.reset ?? []).flatMap((name) => FIELDS[name])
  const changed = await deps.modelStores.models.edit(id, editsOf(input), reset, input.active)
  if (!changed) throw notThere(id)
  await deps.models.changed()
  return changed
}

/** @throws AppError `not_found`, also for one that its provider lists no more */
export async function requireProviderModel(deps: Needs, id: string): Promise<ModelRow> {
  const row = await deps.modelStores.models.get(id)
  if (!row || row.goneAt) throw notThere(id)
  return row
}

const notThere = (id: string) => new AppError('not_found', `The provider model '${id}' does not exist`)

/** On the wire → inside. */
const FIELDS: Record<NonNullable<Input['reset']>[number], (keyof ModelFacts)[]> = {
  display_name: ['displayName'],
  pricing: ['prices'],
  token_limits: ['contextLength', 'maxCompletionTokens'],
  family: ['family'],
  supports_images: ['supportsImages'],
  supports_files: ['supportsFiles'],
  supports_embeddings: ['supportsEmbeddings'],
  supports_reasoning: ['supportsReasoning'],
  supports_audio: ['supportsAudio'],
  supports_video: ['supportsVideo'],
  weight: ['weight'],
}

function editsOf({ pricing, token_limits: limits, ...input }: Input): ModelFacts {
  const edits: Record<string, unknown> = {}
  for (const [name, fields] of Object.entries(FIELDS)) {
    const value = input[name as keyof typeof input]
    if (value !== undefined) edits[fields[0]!] = value === '' ? null : value
  }
  if (pricing !== undefined) edits.prices = pricing?.lines ?? []
  if (limits === null) Object.assign(edits, { contextLength: null, maxCompletionTokens: null })
  else if (limits) {
    if (limits.context_length !== undefined) edits.contextLength = limits.context_length
    if (limits.max_completion_tokens !== undefined) edits.maxCompletionTokens = limits.max_completion_tokens
  }
  return edits
}
