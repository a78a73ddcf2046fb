import type { GenerateOptions, Llama, LlamaChat, Sequence } from '../src/engine-types.ts'
import type { LocalModel } from '../src/local-model.ts'
import { createQueue } from '../src/queue.ts'

/** What stands for an engine: it says what it is told to, a token a piece, and may fail after it. */
export type Script = { pieces: string[]; failure?: Error; stopReason?: string }

/** A model of 100 tokens of context; each message costs 10. */
export function fakeModel({ pieces, failure, stopReason = 'eogToken' }: Script): LocalModel {
  let used = 0
  const meter = {
    getState: () => ({ used }),
    diff: (since: object) => ({ usedOutputTokens: used - (since as { used: number }).used }),
  }
  class Chat implements LlamaChat {
    async generateResponse(_history: unknown, { onResponseChunk }: GenerateOptions) {
      for (const text of pieces) {
        used += 1
        onResponseChunk({ text, tokens: [1], segmentType: text.startsWith('hm') ? 'thought' : undefined })
      }
      if (failure) throw failure
      return { response: pieces.join(''), metadata: { stopReason } }
    }
    dispose() {}
  }
  const grammar = { grammar: '' }
  const llama: Llama = {
    loadModel: () => Promise.reject(new Error('There is nothing to load')),
    createGrammarForJsonSchema: async () => grammar,
    getGrammarFor: async () => grammar,
    dispose: async () => {},
  }
  return {
    id: 'fake',
    created: new Date(0),
    contextLength: 100,
    llama,
    sequences: createQueue<Sequence>([{ tokenMeter: meter }], 1),
    Chat,
    wrapper: { generateContextState: () => ({ contextText: { tokenize: () => [] } }) },
    countPrompt: (history) => 10 * history.length,
    close: async () => {},
  }
}
