import { AppError, invalid } from '@jan/service-kit/errors'
import { tryParseJson } from '@jan/service-kit/json-body'
import type { ChatRequest } from './chat-request.ts'
import type { Grammar, Llama } from './engine-types.ts'
import { compileSchema, forGrammar } from './grammar-schema.ts'

/** What an answer must be like: the grammar leads the model there, `check` says whether it has arrived. */
export type JsonShape = { grammar: Grammar; check(text: string): void }

type Format = ChatRequest['response_format']

/** @throws AppError `invalid_request` for a schema that is none, or from which no grammar can be made */
export async function jsonShapeOf(llama: Llama, format: Format): Promise<JsonShape | undefined> {
  if (!format || format.type === 'text') return undefined
  if (format.type === 'json_object') return { grammar: await llama.getGrammarFor('json'), check: checkOf({}) }
  const { schema } = (format as { json_schema: { schema: Record<string, unknown> } }).json_schema
  try {
    return { check: checkOf(schema), grammar: await llama.createGrammarForJsonSchema(forGrammar(schema)) }
  } catch (error) {
    const message = `The local model cannot follow this schema: ${(error as Error).message}`
    throw invalid(message, 'response_format.json_schema.schema')
  }
}

/** A grammar does not know all that a schema says; numbers beyond all bounds are no JSON, either. */
function checkOf(schema: object): JsonShape['check'] {
  const fits = compileSchema(schema)
  return (text) => {
    const value = tryParseJson(text)
    if (value === undefined || !fits(value) || !hasNumbersOnly(value))
      throw new AppError('upstream_failed', 'The answer of the local model does not fit the schema; try again', {
        wireCode: 'answer_does_not_fit',
      })
  }
}

/** `1e999` is read as Infinity, which nobody could write again. */
const hasNumbersOnly = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).every(hasNumbersOnly)
    : typeof value !== 'number' || Number.isFinite(value)
