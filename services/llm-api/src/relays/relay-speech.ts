import type { Answer } from '@jan/service-kit/answer'
import { writeJson } from '@jan/service-kit/json-body'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { requireModel, requireModelName } from '../models/require-model.ts'
import { relayBytes } from './relay-bytes.ts'
import type { RelayNeeds } from './relay-model.ts'

type Speech = { model?: string | null | undefined; input: string; [field: string]: unknown }

/** A spoken text, as it comes. @throws AppError */
export async function relaySpeech(
  deps: RelayNeeds & Pick<Deps, 'defaultModel'>,
  who: Who,
  json: Speech,
): Promise<Answer<never>> {
  const model = await requireModel(deps, requireModelName(deps, json.model))
  return relayBytes(deps, who, {
    operation: 'audio',
    model,
    path: '/audio/speech',
    contentType: 'application/json',
    promptBytes: json.input.length,
    stream: true,
    json,
    bodyFor: ({ modelId }) => writeJson({ ...json, model: modelId }),
  })
}
