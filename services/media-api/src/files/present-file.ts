import { mediaType } from '../content/media-type.ts'
import type { Media } from '../media/media.store.ts'

/** OpenAI's file object. What came by another way is a file without a purpose of its own. */
export const presentFile = ({ id, bytes, createdAt, expiresAt, filename, purpose, mime }: Media) => ({
  id,
  object: 'file' as const,
  bytes,
  created_at: Math.floor(createdAt.getTime() / 1000),
  ...(expiresAt === null ? {} : { expires_at: Math.floor(expiresAt.getTime() / 1000) }),
  filename,
  purpose: purpose ?? (mediaType(mime).kind === 'image' ? 'vision' : 'user_data'),
  status: 'processed' as const,
})
