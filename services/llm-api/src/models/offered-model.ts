/** What tokens cost. */
export type Prices = {
  /** USD per million tokens. */
  prompt?: number
  completion?: number
  cached?: number
  reasoning?: number
  /** USD. */
  request?: number
}

/** One place that serves a model. */
export type Deployment = {
  /** `pmdl_…` */
  id: string
  /** `prov_…` */
  providerId: string
  providerName: string
  /** `openai`, `custom`, … */
  kind: string
  /** The provider's own name of it. */
  modelId: string
  /** Share among those that are well; 0: only when no other is. */
  weight: number
  /** In tokens. */
  contextLength: number | undefined
  maxCompletionTokens: number | undefined
  prices: Prices
  takesImages: boolean
  takesFiles: boolean
  /** May fetch our signed URLs; else bytes go inline. */
  reachesUs: boolean
}

export type OfferedModel = {
  /** The public id: what clients send and lists show. */
  id: string
  displayName: string
  ownedBy: string
  createdAt: Date
  /** In tokens. */
  contextLength: number | undefined
  /** Public id of the model for requests that are too long. */
  longer: string | undefined
  /** At least one, all active. */
  deployments: Deployment[]
}
