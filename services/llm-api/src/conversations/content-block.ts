import { isJsonObject } from '@jan/service-kit/json-body'
import { z } from 'zod'
import { plainText } from './plain-text.ts'
import { parsedAt, wrongAt } from './wrong-at.ts'

export type Block = Record<string, unknown> & { type: string }

/** OpenAI's longest text. */
const LONGEST = 10_485_760

const Text = z.looseObject({ text: plainText(LONGEST) })
const Url = z
  .string()
  .regex(/^(https?:|data:|jan_)/i, 'expected an http, https or data URL, or a media id (jan_…)')
  .nullish()
const Image = z
  .looseObject({ image_url: Url, file_id: z.string().nullish(), detail: z.string().nullish() })
  .refine(({ image_url, file_id }) => Boolean(image_url) !== Boolean(file_id), 'expected one of image_url and file_id')
const File = z
  .looseObject({ file_id: z.string().nullish(), file_data: z.string().nullish(), file_url: Url })
  .refine((file) => file.file_id || file.file_data || file.file_url, 'expected file_id, file_data or file_url')
const Screenshot = z.looseObject({ image_url: Url, file_id: z.string().nullish() })
const Anything = z.looseObject({})

/** What is checked of each type of block. */
const SCHEMAS = new Map<string, z.ZodType<Record<string, unknown>>>([
  ...['input_text', 'output_text', 'text', 'summary_text', 'reasoning_text'].map((type) => [type, Text] as const),
  ['refusal', z.looseObject({ refusal: plainText(LONGEST) })],
  ['input_image', Image],
  ['input_file', File],
  ['computer_screenshot', Screenshot],
  ...['input_audio', 'output_audio', 'audio', 'code', 'computer_action', 'encrypted_content'].map(
    (type) => [type, Anything] as const,
  ),
  ...['function_call', 'function_call_output', 'tool_calls', 'tool_reference', 'tool_call_id'].map(
    (type) => [type, Anything] as const,
  ),
])

/** Older names, whose block holds what the newer one holds. */
const RENAMED = new Map([
  ['thinking', 'reasoning_text'],
  ['reasoning_content', 'reasoning_text'],
  ['tool_result', 'text'],
  ['image', 'input_image'],
  ['image_url', 'input_image'],
  ['file', 'input_file'],
])

/**
 * A block of a message in OpenAI's form, whichever form it came in: beside OpenAI's own also the one that keeps a
 * block's content under its type's name, and parts of chat messages. What is not known of it stays.
 * @throws AppError `invalid_request` that names the place
 */
export function readBlock(sent: unknown, place: string): Block {
  const { type } = parsedAt(z.looseObject({ type: z.string('required') }), sent, place)
  const block = unfolded(type, sent as Record<string, unknown>)
  const schema = SCHEMAS.get(block.type)
  if (!schema) throw wrongAt(`${place}.type`, `'${type.slice(0, 64)}' is not a type of content`)
  parsedAt(schema, block, place)
  return block
}

function unfolded(type: string, sent: Record<string, unknown>): Block {
  const name = RENAMED.get(type) ?? type
  if (name === 'input_image') return imageOf(type, sent)
  if (name === 'input_file') return fileOf(sent)
  const { [type]: own, ...rest } = sent
  if (name === 'refusal') return { ...rest, type: name, refusal: own ?? rest.text }
  if (name === 'computer_screenshot') return { ...rest, ...(isJsonObject(own) ? own : {}), type: name }
  if (SCHEMAS.get(name) !== Text) return sent as Block
  const text = type === 'text' ? own : (rest.text ?? own)
  const block = { ...rest, ...(isJsonObject(text) ? text : { text }), type: name }
  return name === 'output_text' ? { annotations: [], ...block } : block
}

function imageOf(type: string, { image, image_url: url, ...rest }: Record<string, unknown>): Block {
  const held = type === 'image' && isJsonObject(image) ? image : isJsonObject(url) ? url : { url }
  const { url: address, ...more } = held
  return {
    detail: 'auto',
    ...rest,
    ...more,
    ...(address === undefined ? {} : { image_url: address }),
    type: 'input_image',
  }
}

function fileOf({ file, ...rest }: Record<string, unknown>): Block {
  if (!isJsonObject(file)) return { ...rest, type: 'input_file' }
  const { name, ...more } = file
  return { ...rest, ...more, ...(name === undefined ? {} : { filename: name }), type: 'input_file' }
}
