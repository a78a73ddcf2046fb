/**
 * The part of node-llama-cpp that is used, in its own words: the package is not there when this is checked.
 * Source: the type declarations of the version that engine/package.json names.
 */
export type EngineModule = {
  getLlama(options: { gpu: 'auto' | false; build: 'never'; skipDownload: true; logLevel: 'warn' }): Promise<Llama>
  resolveChatWrapper(model: LlamaModel): ChatWrapper
  LlamaChat: new (options: { contextSequence: Sequence; chatWrapper: ChatWrapper }) => LlamaChat
}

export type Llama = {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>
  createGrammarForJsonSchema(schema: object): Promise<Grammar>
  getGrammarFor(type: 'json'): Promise<Grammar>
  dispose(): Promise<void>
}

export type LlamaModel = {
  /** Tokens of context that the model was trained with. */
  trainContextSize: number
  tokenizer: unknown
  createContext(options: { contextSize: { max: number }; sequences: number; threads?: number }): Promise<LlamaContext>
}

export type LlamaContext = { contextSize: number; getSequence(): Sequence }

/** One text that is being generated; it keeps what it has read, so that a next request with the same beginning is quick. */
export type Sequence = { tokenMeter: { getState(): object; diff(since: object): { usedOutputTokens: number } } }

export type Grammar = { readonly grammar: string }

export type ChatWrapper = {
  generateContextState(options: { chatHistory: HistoryItem[]; availableFunctions?: Functions }): {
    contextText: { tokenize(tokenizer: unknown): number[] }
  }
}

export type FunctionCallItem = { type: 'functionCall'; name: string; params: unknown; result: unknown }
export type HistoryItem =
  | { type: 'system' | 'user'; text: string }
  | { type: 'model'; response: (string | FunctionCallItem)[] }

export type Functions = Record<string, { description?: string; params?: object }>

export type Chunk = { text: string; tokens: number[]; segmentType: 'thought' | 'comment' | undefined }

export type GenerateOptions = {
  signal: AbortSignal
  maxTokens: number
  temperature: number
  topP?: number
  topK?: number
  minP?: number
  seed: number
  repeatPenalty: false | { penalty: number; frequencyPenalty?: number; presencePenalty?: number }
  customStopTriggers?: string[]
  grammar?: Grammar
  functions?: Functions
  maxParallelFunctionCalls?: number
  onResponseChunk(chunk: Chunk): void
}

export type LlamaChat = {
  generateResponse(
    history: HistoryItem[],
    options: GenerateOptions,
  ): Promise<{
    response: string
    functionCalls?: { functionName: string; params: unknown }[]
    metadata: { stopReason: string }
  }>
  dispose(): void
}
