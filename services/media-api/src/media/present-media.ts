import type { Media } from './media.store.ts'

/** What is known of an object, beside its bytes. */
export const presentMedia = ({
  id,
  mime,
  bytes,
  sha256,
  filename,
  width,
  height,
  pages,
  createdAt,
  expiresAt,
}: Media) => ({
  id,
  object: 'media' as const,
  mime,
  bytes,
  sha256,
  filename,
  ...(width === null ? {} : { width }),
  ...(height === null ? {} : { height }),
  ...(pages === null ? {} : { pages }),
  created_at: createdAt.toISOString(),
  expires_at: expiresAt?.toISOString() ?? null,
})
