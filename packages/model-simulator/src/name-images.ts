import { imageSize } from 'image-size'
import type { Message } from './chat-request.ts'
import { check } from './openai-error.ts'

const names: Record<string, string> = { png: 'PNG', jpg: 'JPEG', gif: 'GIF', webp: 'WebP' }

/** The addresses of a message's images. */
export const imageUrls = (message: Message): string[] =>
  Array.isArray(message.content) ? message.content.flatMap((part) => part.image_url?.url ?? []) : []

/** Type, pixels and bytes of a data URL; another address as it stands, unfetched. Throws 400 when it is no image. */
export function nameImage(url: string): string {
  if (/^https?:\/\/./i.test(url)) return `an image at ${url}`
  const base64 = /^data:image\/[\w.+-]+;base64,/i.exec(url)
  const refusal = `Invalid image: ${url.slice(0, 60)} is no http(s) address and no data URL of a PNG, JPEG, GIF or WebP.`
  check(base64 !== null, refusal, 'image_url')
  // A copy of its own: a small Buffer shares its memory, and the size of a truncated image would be read beyond its end.
  const bytes = new Uint8Array(Buffer.from(url.slice(base64[0].length), 'base64'))
  const image = sizeOf(bytes)
  check(image !== undefined, refusal, 'image_url')
  return `${image.name}, ${image.width}×${image.height} pixels, ${bytes.length.toLocaleString('en-US')} bytes`
}

function sizeOf(bytes: Uint8Array): { name: string; width: number; height: number } | undefined {
  try {
    const { type = '', width, height } = imageSize(bytes)
    const name = names[type]
    return name && width > 0 && height > 0 ? { name, width, height } : undefined
  } catch {
    return undefined
  }
}
