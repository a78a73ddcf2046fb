import { json, sse } from '@jan/service-kit/answer'
import { AppError } from '@jan/service-kit/errors'
import { type Route, route, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import { chatRequestSchema } from './chat-request.ts'
import { generate } from './generate.ts'
import type { LocalModel } from './local-model.ts'
import { presentCompletion } from './present-chat.ts'
import { streamChat } from './stream-chat.ts'

const answer = z.looseObject({})

/** What the server answers, and to anybody: it listens on loopback. */
export const routes = (model: LocalModel): Route[] => [
  route({
    operation: 'list_models',
    method: 'get',
    path: '/v1/models',
    summary: 'The one model',
    auth: 'none',
    answers: { 200: answer },
    handler: () => ({ object: 'list', data: [presentModel(model)] }),
  }),
  route({
    operation: 'get_model',
    method: 'get',
    path: '/v1/models/{id+}',
    summary: 'The one model, if it is called that',
    auth: 'none',
    params: z.object({ id: z.string() }),
    answers: { 200: answer },
    handler: ({ params }) => {
      requireModel(model, params.id)
      return presentModel(model)
    },
  }),
  route({
    operation: 'create_chat_completion',
    method: 'post',
    path: '/v1/chat/completions',
    summary: 'An answer, whole or as it comes',
    auth: 'none',
    body: chatRequestSchema,
    answers: { 200: answer, 201: streamOf('text/event-stream', 'Chunks, if the request says `stream`') },
    handler: async ({ body, who }) => {
      requireModel(model, body.model)
      const completion = {
        id: who.newId('chatcmpl'),
        created: Math.floor(who.startedAt.getTime() / 1000),
        model: model.id,
      }
      if (body.stream) return sse(streamChat(model, who.signal, body, completion))
      const said = { text: '', thoughts: '' }
      const generated = await generate(model, who.signal, body, (text, isThought) => {
        said[isThought ? 'thoughts' : 'text'] += text
      })
      return json(presentCompletion(completion, said, generated))
    },
  }),
]

function requireModel({ id }: LocalModel, asked: string): void {
  if (asked === id) return
  const message = `There is no model '${asked}' here; it is called '${id}'`
  throw new AppError('not_found', message, { wireCode: 'model_not_found', param: 'model' })
}

/** The length of its context under the names that clients look for. */
const presentModel = ({ id, created, contextLength }: LocalModel) => ({
  id,
  object: 'model',
  created: Math.floor(created.getTime() / 1000),
  owned_by: 'local',
  context_length: contextLength,
  max_model_len: contextLength,
})
