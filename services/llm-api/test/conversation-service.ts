import type { Person } from '@jan/service-kit/auth'
import OpenAI from 'openai'
import { type Booted, bootLlmApi, call, internalTokensOf, type JsonAnswer } from './boot.ts'

export type Asking = (
  method: string,
  path: string,
  json?: unknown,
  headers?: Record<string, string>,
) => Promise<JsonAnswer>

export type ConversationService = Booted & {
  client(subject: string): Promise<OpenAI>
  /** Asks below `/v1/conversations`. */
  asking(subject: string): Asking
  /** Asks as response-api, acting for somebody. */
  serving(subject: string): Asking
}

export type JsonShown = Pick<JsonAnswer, 'status' | 'json'>
export type Shown = Record<string, unknown> & { id: string }
export const rowsOf = ({ json }: Pick<JsonAnswer, 'json'>): Shown[] => json.data as Shown[]
export const idsOf = (answer: Pick<JsonAnswer, 'json'>): string[] => rowsOf(answer).map(({ id }) => id)
export const idOf = ({ json }: Pick<JsonAnswer, 'json'>): string => json.id as string
export const messageOf = ({ json }: JsonAnswer): string => json.message as string

/** What a user says, in a form of chat. */
export const says = (content: unknown, role = 'user') => ({ type: 'message', role, content })

export const personOf = (subject: string): Person => ({
  kind: 'user',
  subject,
  workspaceId: subject,
  roles: ['user'],
})

export async function bootConversations(env: Record<string, string> = {}): Promise<ConversationService> {
  const service = await bootLlmApi(env)
  return {
    ...service,
    client: async (subject) =>
      new OpenAI({ baseURL: `${service.url}/v1`, apiKey: await service.issuer.token(subject), maxRetries: 0 }),
    asking:
      (subject) =>
      async (method, path, json, headers = {}) =>
        call(service, method, `/v1/conversations${path}`, {
          headers: { ...(await service.as(subject)), ...headers },
          ...(json === undefined ? {} : { json }),
        }),
    serving:
      (subject) =>
      async (method, path, json, headers = {}) => {
        const token = await internalTokensOf('response-api').mint('llm-api', personOf(subject))
        return call(service, method, path, {
          headers: { authorization: `Bearer ${token}`, ...headers },
          ...(json === undefined ? {} : { json }),
        })
      },
  }
}
