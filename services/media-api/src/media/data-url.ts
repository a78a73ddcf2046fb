import { invalid } from '@jan/service-kit/errors'
import { tooLarge } from './receive-content.ts'

const PARAM = 'source.data_url'

/**
 * The bytes of `data:<type>;base64,<bytes>`. The type is not looked at: senders get it wrong.
 * @throws AppError `invalid_request` when it is none, `payload_too_large` before anything is decoded
 */
export function parseDataUrl(text: string, maxBytes: number): Buffer {
  const comma = text.indexOf(',')
  if (!/^data:/i.test(text) || comma < 0)
    throw invalid('This is not a data URL: expected data:<type>;base64,<bytes>', PARAM)
  if (!/;base64$/i.test(text.slice(0, comma))) throw invalid('The data URL must be base64 encoded', PARAM)
  const encoded = text.slice(comma + 1)
  if (encoded === '') throw invalid('The data URL is empty', PARAM)
  const data = encoded.replace(/={1,2}$/, '')
  if (encoded.length % 4 !== 0 || /[^A-Za-z0-9+/]/.test(data))
    throw invalid('The data URL holds base64 that is not valid', PARAM)
  if (Math.floor((data.length * 3) / 4) > maxBytes) throw tooLarge(maxBytes)
  return Buffer.from(encoded, 'base64')
}

/** The longest data URL that may hold `maxBytes`, in characters. */
export const dataUrlLength = (maxBytes: number): number =>
  Math.ceil(maxBytes / 3) * 4 + 'data:application/octet-stream;base64,'.length
