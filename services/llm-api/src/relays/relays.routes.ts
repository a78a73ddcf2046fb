import { type Route, rawBody, route, streamOf } from '@jan/service-kit/route'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import { requireModel, requireModelName } from '../models/require-model.ts'
import {
  CompletionRequest,
  EmbeddingRequest,
  ImageRequest,
  ModerationRequest,
  Relayed,
  RerankRequest,
  SpeechRequest,
} from './relay.schema.ts'
import { relayForm } from './relay-form.ts'
import { type Relay, relayModel } from './relay-model.ts'
import { relaySpeech } from './relay-speech.ts'

/** OpenAI's largest sound, with the rest of its form. */
const FORM_BYTES = 26 * 1024 * 1024

type Plain = {
  name: string
  path: string
  summary: string
  operation: Relay['operation']
  body: z.ZodType<{ model?: string | null | undefined; [field: string]: unknown }>
}

const PLAIN: Plain[] = [
  {
    name: 'create_completion',
    path: '/completions',
    summary: 'Let a model go on with a text',
    operation: 'completion',
    body: CompletionRequest,
  },
  {
    name: 'create_embedding',
    path: '/embeddings',
    summary: 'Embed texts',
    operation: 'embedding',
    body: EmbeddingRequest,
  },
  {
    name: 'create_rerank',
    path: '/rerank',
    summary: 'Rank documents for a query',
    operation: 'rerank',
    body: RerankRequest,
  },
  {
    name: 'create_moderation',
    path: '/moderations',
    summary: 'Judge whether something is harmful',
    operation: 'moderation',
    body: ModerationRequest,
  },
  {
    name: 'create_image',
    path: '/images/generations',
    summary: 'Draw an image',
    operation: 'image',
    body: ImageRequest,
  },
]

/** What OpenAI's API has beside chat, relayed in the same way to the providers that have it. */
export const relayRoutes = (deps: Deps): Route[] => [
  ...PLAIN.map(({ name, path, summary, operation, body }) =>
    route({
      operation: name,
      method: 'post',
      path: `/v1${path}` as const,
      summary,
      ...COMMON,
      body,
      answers: { 200: Relayed },
      handler: async ({ body: json, who }) => {
        const model = await requireModel(deps, requireModelName(deps, json.model))
        return relayModel(deps, who, { operation, model, path, ...streamed(operation, json) })
      },
    }),
  ),
  route({
    operation: 'create_speech',
    method: 'post',
    path: '/v1/audio/speech',
    summary: 'Speak a text',
    ...COMMON,
    body: SpeechRequest,
    answers: { 200: streamOf('audio/*', 'The sound; events with stream_format: sse') },
    handler: ({ body, who }) => relaySpeech(deps, who, body),
  }),
  ...(['transcriptions', 'translations'] as const).map((what) =>
    route({
      operation: `create_${what.slice(0, -1)}`,
      method: 'post',
      path: `/v1/audio/${what}`,
      summary: what === 'transcriptions' ? 'Write down what is said' : 'Write down in English what is said',
      ...COMMON,
      body: rawBody(FORM_BYTES),
      answers: { 200: Relayed },
      handler: ({ body, headers, who }) =>
        relayForm(deps, who, { path: `/audio/${what}`, body, type: headers['content-type'] }),
    }),
  ),
]

/** A tool that looks for a meaning asks for embeddings as part of its work. */
const COMMON = { auth: 'person', scope: 'chat', scopeVia: { 'mcp-tools': ['mcp', 'responses'] } } as const

function streamed(
  operation: Relay['operation'],
  json: Record<string, unknown>,
): Pick<Relay, 'json' | 'stream' | 'wantsUsage'> {
  if (json.stream !== true) return { json, stream: false }
  // The end of an image tells what it costs, and providers refuse options that they do not know.
  if (operation !== 'completion') return { json, stream: true, wantsUsage: true }
  const options = json.stream_options as { include_usage?: boolean | null } | null | undefined
  const asked = { ...json, stream_options: { ...options, include_usage: true } }
  return { json: asked, stream: true, wantsUsage: options?.include_usage === true }
}
