export type Operation = 'chat' | 'completion' | 'embedding' | 'audio' | 'image' | 'rerank' | 'moderation'
export type Outcome = 'ok' | 'failed' | 'cancelled'

/** A row of the ledger: one call of a model that reached routing. */
export type ModelCall = {
  id: string
  workspaceId: string
  /** Subject of who asked. */
  createdBy: string
  callerKind: 'user' | 'guest' | 'key'
  keyId: string | null
  /** The service that acted for them. */
  via: string | null
  requestId: string
  conversationId: string | null
  responseId: string | null
  projectId: string | null
  operation: Operation
  stream: boolean
  /** Public id. */
  model: string
  /** Null as long as no provider was reached. */
  providerId: string | null
  providerName: string | null
  /** The provider's own name of the model. */
  providerModelId: string | null
  promptTokens: number
  completionTokens: number
  /** Among those of the prompt. */
  cachedTokens: number
  /** Among those of the completion. */
  reasoningTokens: number
  /** Tokens were counted here, because the provider did not tell them. */
  isEstimated: boolean
  /** By the prices of that time. */
  costMicroUsd: number
  attempts: number
  /** As told to the client; 499 when it left. */
  status: number
  outcome: Outcome
  firstTokenMs: number | null
  durationMs: number
  /** In ms since 1970: a Date is written several times slower. */
  startedAt: number
}
