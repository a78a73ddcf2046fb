import { isJsonObject } from '@jan/service-kit/json-body'
import type { Conversation, ConversationItem } from './conversation-row.store.ts'
import { textOf } from './text-of.ts'

/** A conversation as a person reads it: headings for who spoke, calls of tools as code. */
export function markdownOf({ title, id, createdAt }: Conversation, items: ConversationItem[]): string {
  const head = `# ${(title ?? id).replace(/\s+/g, ' ')}\n\n_${createdAt.toISOString()}_`
  return `${[head, ...items.map(({ item }) => sectionOf(item))].join('\n\n')}\n`
}

function sectionOf(item: Record<string, unknown> & { type: string }): string {
  if (item.type !== 'message') {
    const text = textOf(item)
    return `## ${capital(item.type.replaceAll('_', ' '))}${text === '' ? '' : `\n\n${fenced(text)}`}`
  }
  const blocks = Array.isArray(item.content) ? item.content : []
  return `## ${capital(String(item.role))}\n\n${blocks.map(blockOf).join('\n\n')}`
}

function blockOf(block: unknown): string {
  if (!isJsonObject(block)) return ''
  const { type, text, refusal, image_url: image, filename, file_id: file } = block
  if (typeof text === 'string') return type === 'reasoning_text' ? text.replace(/^/gm, '> ') : text
  if (typeof refusal === 'string') return refusal
  if (type === 'input_image')
    return `![image](${typeof image === 'string' && !isBytes(image) ? image : (file ?? 'inline')})`
  if (type === 'input_file') return `_File: ${filename ?? file ?? 'inline'}_`
  return fenced(JSON.stringify(block, undefined, 2))
}

/** Placeholders of media are short and say which image it is; whole images are long and say nothing. */
const isBytes = (url: string) => /^data:[^,]*,/i.test(url)

/** In a fence that is longer than any inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}`
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
