import type { Secret } from '@jan/service-kit/config'
import { kindOf } from './kinds.ts'
import { type OperatorProvider, operatorId } from './operator-provider.ts'

export type EnvironmentModels = {
  baseUrl: string
  kind: string
  apiKey: Secret | undefined
  first: string | undefined
  localUrl: string | undefined
}

/** Where a model server is looked for when nothing says where it is. */
export const USUAL_URL = 'http://localhost:8101/v1'

/** The model provider of the environment, and the server of a local model. The first is left out when a file takes its place. */
export function environmentProviders(model: EnvironmentModels, hasFile: boolean): OperatorProvider[] {
  const { baseUrl, kind, apiKey, first, localUrl } = model
  const main = provider('default', baseUrl, { kind: kindOf(kind), apiKey, models: first ? [named(first)] : [] })
  return [
    ...(hasFile && baseUrl === USUAL_URL ? [] : [main]),
    ...(localUrl === undefined ? [] : [provider('local', localUrl, { kind: 'local', apiKey: undefined, models: [] })]),
  ]
}

/** The operator's word for it is what clients call it, too. */
const named = (id: string) => ({ modelId: id, publicId: id, model: {}, catalog: {} })

const provider = (
  name: string,
  baseUrl: string,
  more: Pick<OperatorProvider, 'kind' | 'apiKey' | 'models'>,
): OperatorProvider => ({
  id: operatorId(`environment ${baseUrl}`),
  source: 'environment',
  name,
  baseUrl,
  active: true,
  metadata: {},
  enablesNew: true,
  syncs: true,
  weight: undefined,
  timeouts: {},
  ...more,
})
