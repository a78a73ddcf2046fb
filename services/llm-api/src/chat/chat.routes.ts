import { relay } from '@jan/service-kit/answer'
import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { ChatCompletion, ChatRequest } from './chat.schema.ts'
import { planCompletion } from './plan-completion.ts'
import { relayCompletion } from './relay-completion.ts'

export const chatRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'create_chat_completion',
    method: 'post',
    path: '/v1/chat/completions',
    summary: 'Ask a model',
    description:
      "OpenAI's chat completions. Request fields go to the provider as they are, and its answer comes back as it was sent; with `stream: true` as server-sent events. A stream that breaks ends in an `error` event.",
    auth: 'person',
    scope: 'chat',
    // A run asks the model as part of its work.
    scopeVia: { 'response-api': ['responses'] },
    body: ChatRequest,
    answers: { 200: ChatCompletion },
    handler: async ({ body, who }) => {
      const { status, headers, body: bytes } = await relayCompletion(deps, who, await planCompletion(deps, who, body))
      return relay(bytes, { status, headers })
    },
  }),
]
