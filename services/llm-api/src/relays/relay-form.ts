import { randomUUID } from 'node:crypto'
import type { Answer } from '@jan/service-kit/answer'
import { AppError, invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { requireModel, requireModelName } from '../models/require-model.ts'
import { type BytesRelay, relayBytes } from './relay-bytes.ts'
import type { RelayNeeds } from './relay-model.ts'

export type Form = { path: string; body: Buffer; type: string | undefined }

/** A form with a sound, in which a field names the model. It is sent as it came, but for that name. @throws AppError */
export async function relayForm(
  deps: RelayNeeds & Pick<Deps, 'defaultModel'>,
  who: Who,
  { path, body, type }: Form,
): Promise<Answer<never>> {
  const form = await readForm(body, type)
  if (!(form.get('file') instanceof Blob)) throw invalid("A sound is expected as the form's 'file'", 'file')
  const named = form.get('model')
  const model = await requireModel(deps, requireModelName(deps, typeof named === 'string' ? named : undefined))
  const { contentType, bodyFor } = await written(form)
  return relayBytes(deps, who, {
    operation: 'audio',
    model,
    path,
    contentType,
    // What it costs, its length says and not its bytes.
    promptBytes: 0,
    stream: form.get('stream') === 'true',
    json: {},
    bodyFor,
  })
}

async function readForm(body: Buffer, type = ''): Promise<FormData> {
  if (!/^multipart\/form-data\b/i.test(type))
    throw new AppError('unsupported_media_type', 'Send a form (multipart/form-data) with the sound as `file`')
  try {
    return await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  } catch {
    throw invalid('The form cannot be read: it is malformed or breaks off')
  }
}

/** Written once, with a mark in the place of the name that each place has for the model. */
async function written(form: FormData): Promise<Pick<BytesRelay, 'contentType' | 'bodyFor'>> {
  const mark = randomUUID()
  form.set('model', mark)
  const response = new Response(form)
  const whole = Buffer.from(await response.arrayBuffer())
  const at = whole.indexOf(mark)
  const [before, after] = [whole.subarray(0, at), whole.subarray(at + mark.length)]
  return {
    contentType: response.headers.get('content-type')!,
    bodyFor: ({ modelId }) => Buffer.concat([before, Buffer.from(modelId), after]),
  }
}
