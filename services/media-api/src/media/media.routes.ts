import { ResolveMediaAnswer } from '@jan/contracts/media'
import { type Route, route, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import { reachOf } from '../access/reach.ts'
import type { Deps } from '../deps.ts'
import { getMediaContent } from './get-media-content.ts'
import { ingestMedia } from './ingest-media.ts'
import { IngestedMedia, IngestMedia, MediaLocation, PresignedMedia, ResolveMediaRequest } from './media.schema.ts'
import { requireOneMedia } from './require-media.ts'
import { resolveMedia } from './resolve-media.ts'
import { signUrl } from './sign-url.ts'

const MediaParams = z.object({ id: z.string() })

export const mediaRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'ingest_media',
    method: 'post',
    path: '/v1/media',
    summary: 'Store an image',
    description:
      'From a data URL or from a URL that this service fetches. PNG, JPEG, WebP, GIF, BMP and TIFF, by their bytes. ' +
      'The same bytes again give the same id.',
    auth: 'any',
    scope: 'media',
    body: IngestMedia,
    answers: { 200: IngestedMedia },
    idempotent: true,
    handler: async ({ body, who }) => {
      const { media, deduped } = await ingestMedia(deps, who, body)
      const { id, mime, bytes } = media
      return { id, mime, bytes, deduped, presigned_url: await signUrl(deps, media) }
    },
  }),
  route({
    operation: 'resolve_media',
    method: 'post',
    path: '/v1/media/resolve',
    summary: 'Turn media ids into URLs or data URLs',
    description:
      'For a list of ids, or inside any JSON: strings that are an id, and placeholders like data:image/png;jan_… ' +
      'anywhere in a string.',
    auth: 'any',
    scope: 'media',
    // Images in a conversation or a run are part of it.
    scopeVia: { 'llm-api': ['chat', 'responses'] },
    body: ResolveMediaRequest,
    answers: { 200: ResolveMediaAnswer },
    handler: ({ body, who }) => resolveMedia(deps, who, body),
  }),
  route({
    operation: 'get_media_content',
    method: 'get',
    path: '/v1/media/{id}',
    summary: 'Download an image',
    auth: 'any',
    scope: 'media',
    params: MediaParams,
    answers: {
      200: MediaLocation,
      206: streamOf('image/*', 'The range that was asked for'),
      304: null,
    },
    handler: ({ params, headers, who }) => getMediaContent(deps, who, { id: params.id, headers }),
  }),
  route({
    operation: 'presign_media',
    method: 'get',
    path: '/v1/media/{id}/presign',
    summary: 'Get a short-lived URL of an image',
    auth: 'any',
    scope: 'media',
    params: MediaParams,
    answers: { 200: PresignedMedia },
    handler: async ({ params, who }) => {
      const media = await requireOneMedia(deps, reachOf(who.caller), params.id)
      return { id: media.id, url: await signUrl(deps, media), expires_in: deps.settings.presignSeconds }
    },
  }),
]
