import type { MediaType } from '../content/media-type.ts'

const LONGEST = 150

/**
 * A safe name for an object: no folders, no control or direction characters, and an extension of its true type,
 * so that nobody saves a picture as `page.html`.
 */
export function safeFilename(wanted: string | undefined, id: string, type: Pick<MediaType, 'extensions'>): string {
  const name = [...(wanted?.split(/[/\\]/).at(-1) ?? '').replace(/\p{C}/gu, '').trim().replace(/^\.+/, '')]
    .slice(0, LONGEST)
    .join('')
  const extension = name.toLowerCase().split('.').at(-1) ?? ''
  if (name === '') return `${id}.${type.extensions[0]}`
  return name.includes('.') && type.extensions.includes(extension) ? name : `${name}.${type.extensions[0]}`
}
