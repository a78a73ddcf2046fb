import { statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { ChatWrapper, EngineModule, Functions, HistoryItem, Llama, LlamaModel, Sequence } from './engine-types.ts'
import { modelIdOf, requireGguf } from './gguf-file.ts'
import { moduleOf } from './install-engine.ts'
import { createQueue, type Queue } from './queue.ts'

export type LocalModel = {
  id: string
  created: Date
  /** Tokens that fit: the prompt and what is said to it. */
  contextLength: number
  llama: Llama
  sequences: Queue<Sequence>
  Chat: EngineModule['LlamaChat']
  wrapper: ChatWrapper
  countPrompt(history: HistoryItem[], functions: Functions | undefined): number
  close(): Promise<void>
}

export type OpenOptions = {
  /** Where the engine is installed: see install-engine.ts. */
  engine: string
  path: string
  /** Most tokens of context; a model that was trained with fewer has fewer. */
  maxContext: number
  /** Requests that are answered at once; the memory of a context each. */
  parallel: number
  /** Threads of the processor; undefined: as many as the engine finds good. */
  threads: number | undefined
  /** Requests that may wait. */
  waiting: number
}

/** Loads a model. @throws Error, one sentence, when it is none or does not fit into memory */
export async function openModel({
  engine,
  path,
  maxContext,
  parallel,
  threads,
  waiting,
}: OpenOptions): Promise<LocalModel> {
  requireGguf(path)
  const module = (await import(pathToFileURL(moduleOf(engine)).href)) as EngineModule
  const llama = await module.getLlama({ gpu: 'auto', build: 'never', skipDownload: true, logLevel: 'warn' })
  try {
    const model = await llama.loadModel({ modelPath: path })
    const max = Math.min(maxContext, model.trainContextSize)
    const context = await model.createContext({
      contextSize: { max },
      sequences: parallel,
      ...(threads ? { threads } : {}),
    })
    const wrapper = module.resolveChatWrapper(model)
    return {
      id: modelIdOf(path),
      created: statSync(path).mtime,
      contextLength: context.contextSize,
      llama,
      sequences: createQueue(
        Array.from({ length: parallel }, () => context.getSequence()),
        waiting,
      ),
      Chat: module.LlamaChat,
      wrapper,
      countPrompt: (history, functions) => countPrompt(model, wrapper, history, functions),
      close: () => llama.dispose(),
    }
  } catch (error) {
    await llama.dispose()
    throw new Error(`${path} cannot be used: ${(error as Error).message}`)
  }
}

/** Tokens of a prompt as the model's own template writes it, up to where the answer begins. */
function countPrompt(
  model: LlamaModel,
  wrapper: ChatWrapper,
  history: HistoryItem[],
  functions: Functions | undefined,
): number {
  const answer: HistoryItem[] = history.at(-1)?.type === 'model' ? [] : [{ type: 'model', response: [] }]
  const available = functions ? { availableFunctions: functions } : {}
  const state = wrapper.generateContextState({ chatHistory: [...history, ...answer], ...available })
  return state.contextText.tokenize(model.tokenizer).length
}
