import type { Generated, Usage } from './generate.ts'

export type Completion = { id: string; created: number; model: string }

const headOf = ({ id, created, model }: Completion, object: string) => ({ id, object, created, model })

export const presentUsage = ({ prompt, completion, reasoning }: Usage) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  ...(reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: reasoning } } : {}),
})

const presentCalls = ({ calls }: Generated, { id }: Completion) =>
  calls.map((call, index) => ({
    id: `call_${id.replace(/^[a-z]+_/, '')}_${index}`,
    type: 'function' as const,
    function: call,
  }))

/** A whole answer; what was thought goes where vLLM and llama.cpp put it. */
export const presentCompletion = (
  completion: Completion,
  said: { text: string; thoughts: string },
  generated: Generated,
) => ({
  ...headOf(completion, 'chat.completion'),
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: said.text || generated.calls.length === 0 ? said.text : null,
        refusal: null,
        ...(said.thoughts ? { reasoning_content: said.thoughts } : {}),
        ...(generated.calls.length > 0 ? { tool_calls: presentCalls(generated, completion) } : {}),
      },
      logprobs: null,
      finish_reason: generated.finish,
    },
  ],
  usage: presentUsage(generated.usage),
})

type Delta = {
  role?: 'assistant'
  content?: string
  reasoning_content?: string
  tool_calls?: (ReturnType<typeof presentCalls>[number] & { index: number })[]
}

/** One chunk. With `usage` asked for, every chunk but the last says null. */
export const presentChunk = (
  completion: Completion,
  delta: Delta,
  finish: Generated['finish'] | null,
  withUsage: boolean,
) => ({
  ...headOf(completion, 'chat.completion.chunk'),
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  ...(withUsage ? { usage: null } : {}),
})

export const callsDelta = (generated: Generated, completion: Completion): Delta => ({
  tool_calls: presentCalls(generated, completion).map((call, index) => ({ index, ...call })),
})

/** What `stream_options.include_usage` asks for: a last chunk without choices. */
export const presentUsageChunk = (completion: Completion, usage: Usage) => ({
  ...headOf(completion, 'chat.completion.chunk'),
  choices: [],
  usage: presentUsage(usage),
})
