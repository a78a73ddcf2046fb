import { imageSize } from 'image-size'
import { OpenAiError } from './openai-error.ts'

const names: Record<string, string> = { png: 'PNG', jpg: 'JPEG', gif: 'GIF', webp: 'WebP' }

/** Type, pixels and bytes of a data URL; a web address as it stands, unfetched. Throws 400 when it is no image. */
export function nameImage(url: string): string {
  if (/^https?:\/\/./i.test(url)) return `an image at ${url}`
  try {
    const [start = ''] = /^data:image\/[\w.+-]+;base64,/i.exec(url) ?? []
    // A copy of its own: a small Buffer shares its memory, and a truncated image would be read beyond its end.
    const bytes = new Uint8Array(Buffer.from(url.slice(start.length), 'base64'))
    const { type = '', width, height } = imageSize(bytes)
    if (!start || !names[type] || !width || !height) throw new TypeError('no image that models take')
    return `an image: ${names[type]}, ${width}×${height} pixels, ${bytes.length.toLocaleString('en-US')} bytes`
  } catch {
    const wanted = 'an http(s) address or the data URL of a PNG, JPEG, GIF or WebP'
    throw new OpenAiError(400, `Invalid image: ${url.slice(0, 60)} is not ${wanted}.`, { code: 'invalid_image' })
  }
}
