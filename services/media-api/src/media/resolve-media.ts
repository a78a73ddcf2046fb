import { MediaId, type ResolveMediaAnswer } from '@jan/contracts/media'
import type { Caller } from '@jan/service-kit/auth'
import { AppError, invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { actsForProgram } from '../access/acts-for-program.ts'
import { type Reach, reachOf } from '../access/reach.ts'
import { SVG } from '../content/media-type.ts'
import type { ResolveMediaRequest } from './media.schema.ts'
import type { Media } from './media.store.ts'
import { readDataUrl } from './read-data-url.ts'
import { requireMedia } from './require-media.ts'
import { countIds, rewritePayload } from './rewrite-payload.ts'
import { signUrl } from './sign-url.ts'

type Needs = Parameters<typeof requireMedia>[0]

/** How often an answer holds each id. */
type Counts = Map<string, number>

const MAX_IDS = 100

/** Turns ids into something a model or a browser can read: a list of ids, or any JSON that names them. */
export async function resolveMedia(
  deps: Needs,
  who: Who<Caller>,
  { ids, payload, as, user_id: userId }: ResolveMediaRequest,
): Promise<ResolveMediaAnswer> {
  const reach = reachOf(who.caller, userId)
  if (ids !== undefined) {
    requireWellFormed(ids)
    const resolved = await resolveEach(deps, who, reach, { counts: new Map(ids.map((id) => [id, 1])), as })
    const expiresAt = new Date(deps.now().getTime() + deps.settings.presignSeconds * 1000).toISOString()
    return {
      media: resolved.map(({ id, media, url }) => ({
        id,
        mime: media.mime,
        bytes: media.bytes,
        ...(as === 'url' ? { presigned_url: url, expires_at: expiresAt } : { data_url: url }),
      })),
    }
  }
  const counts = countIds(payload)
  if (counts.size > MAX_IDS) throw invalid(`payload names more than ${MAX_IDS} media`, 'payload')
  const resolved = await resolveEach(deps, who, reach, { counts, as })
  const urls = new Map(resolved.map(({ id, url }) => [id, url]))
  return { payload: rewritePayload(payload, (id) => urls.get(id)!) }
}

/** Each once, in the order of `counts`. */
async function resolveEach(
  deps: Needs,
  who: Who<Caller>,
  reach: Reach,
  { counts, as }: { counts: Counts; as: ResolveMediaRequest['as'] },
): Promise<{ id: string; media: Media; url: string }[]> {
  const found = await requireMedia(deps, who, reach, [...counts.keys()])
  requireShowable(who.caller, found)
  if (as === 'data_url') requireFitting(deps, found, counts)
  const resolved = []
  for (const id of counts.keys()) {
    const media = found.get(id)!
    // One after the other: each may be twenty megabytes.
    resolved.push({ id, media, url: as === 'url' ? await signUrl(deps, media) : await readDataUrl(deps, media) })
  }
  return resolved
}

function requireWellFormed(ids: string[]): void {
  const malformed = ids.filter((id) => !MediaId.safeParse(id).success)
  if (malformed.length > 0)
    throw invalid(
      `ids: expected jan_ and a lower-case ULID, not ${malformed.map((id) => `'${id.slice(0, 40)}'`).join(', ')}`,
      'ids',
    )
}

/** A program may have an SVG back; a model or a page is given none in the place of a picture. */
function requireShowable(caller: Caller, found: Map<string, Media>): void {
  const drawings = [...found].filter(([, { mime }]) => mime === SVG.mime).map(([id]) => id)
  if (drawings.length === 0 || actsForProgram(caller)) return
  throw new AppError(
    'unsupported_media_type',
    `${drawings.join(', ')}: an SVG is no picture for a model; download it, or read it as text (GET /v1/media/{id}/text)`,
  )
}

function requireFitting({ settings }: Pick<Needs, 'settings'>, found: Map<string, Media>, counts: Counts): void {
  const total = [...counts].reduce((sum, [id, times]) => sum + found.get(id)!.bytes * times, 0)
  if (total > settings.resolveMaxBytes)
    throw new AppError(
      'payload_too_large',
      `As data URLs these media would be ${total} bytes, and ${settings.resolveMaxBytes} are allowed; ask for fewer, or as url`,
    )
}
