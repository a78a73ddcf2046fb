import { AppError, invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { requireModel } from '../models/require-model.ts'
import type { ChatRequest } from './chat.schema.ts'
import { resolveMedia } from './resolve-media.ts'

export type CompletionPlan = {
  /** The body for the provider. */
  json: Record<string, unknown>
  stream: boolean
}

/** Fields that are ours and not offered yet: honouring them silently by halves would mislead. */
const NOT_OFFERED = ['conversation', 'jan_execute_tools', 'assistant_id', 'jan_approvals']
/** No provider may see these. */
const OURS = new Set([...NOT_OFFERED, 'store_reasoning'])

/** Everything that can be refused cheaply is refused here, before the provider is called. */
export async function planCompletion(
  deps: Pick<Deps, 'models' | 'media' | 'defaultModel'>,
  who: Who,
  request: ChatRequest,
): Promise<CompletionPlan> {
  for (const field of NOT_OFFERED)
    if (request[field] !== undefined && request[field] !== null)
      throw invalid(`'${field}' is not offered by this server yet`, field)
  const model = await requireModel(deps, requireModelName(request.model, deps.defaultModel))
  const messages = await resolveMedia(deps, who, request.messages)
  const json: Record<string, unknown> = { ...request, model: model.modelId, messages }
  for (const name of OURS) if (name in json) delete json[name]
  return { json, stream: request.stream === true }
}

function requireModelName(sent: string | null | undefined, byDefault: string | undefined): string {
  const name = sent?.trim() || byDefault
  if (name) return name
  throw new AppError('invalid_request', 'model is required: this server has no default (DEFAULT_MODEL)', {
    param: 'model',
  })
}
