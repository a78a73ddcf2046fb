import type { ResolveMediaAnswer } from '@jan/contracts/media'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { type MediaUse, unknownMedia } from './media-uses.ts'

/** An object as a model takes it: `url` (a data URL, or one to fetch it from), or the text in it. */
export type FetchedMedia = { mime: string; filename: string; url?: string; text?: string }

export type FetchOptions = {
  uses: Map<string, MediaUse[]>
  /** Left out when they are gone. */
  mayBeGone: ReadonlySet<string>
  /** For pictures. Files and sounds go as bytes, for no provider fetches them. */
  asUrls: boolean
  takesFiles: boolean
}

type Needs = Pick<Deps, 'media'>

/** All that messages name, each once. @throws AppError `not_found` naming every id that is unknown, or not the caller's */
export async function fetchMedia(deps: Needs, who: Who, options: FetchOptions): Promise<Map<string, FetchedMedia>> {
  const { uses, asUrls } = options
  const has = (id: string, kind: MediaUse['kind']) => uses.get(id)!.some((use) => use.kind === kind)
  const files = [...uses.keys()].filter((id) => has(id, 'file'))
  const described = await Promise.all(files.map((id) => describe(deps, who, id, options.mayBeGone)))
  const found = new Map<string, FetchedMedia>()
  for (const [index, id] of files.entries()) {
    const file = described[index]
    if (!file) continue
    const isSent = options.takesFiles || file.mime.startsWith('image/')
    found.set(id, isSent ? file : { ...file, text: await textOf(deps, who, id) })
  }
  const gone = (id: string) => files.includes(id) && !found.has(id)
  const wanted = [...uses.keys()].filter((id) => !gone(id) && found.get(id)?.text === undefined)
  const [linked, sent] = [wanted.filter((id) => asUrls && !has(id, 'file') && !has(id, 'audio')), [] as string[]]
  for (const id of wanted) if (!linked.includes(id)) sent.push(id)
  for (const [as, ids] of [
    ['url', linked],
    ['data_url', sent],
  ] as const)
    for (const [id, media] of await resolve(deps, who, { ids, as, mayBeGone: options.mayBeGone }))
      found.set(id, { filename: id, ...found.get(id), ...media })
  return found
}

type Resolved = Pick<FetchedMedia, 'mime'> & { url: string }

async function resolve(
  deps: Needs,
  who: Who,
  { ids, as, mayBeGone }: { ids: string[]; as: 'url' | 'data_url'; mayBeGone: ReadonlySet<string> },
): Promise<[string, Resolved][]> {
  if (ids.length === 0) return []
  try {
    const { media = [] } = await ask<ResolveMediaAnswer>(deps, who, '/v1/media/resolve', { ids, as })
    const found = new Map(
      media.map(({ id, mime, data_url, presigned_url }) => [id, { mime, url: data_url ?? presigned_url }]),
    )
    return ids.map((id) => {
      const { mime, url } = found.get(id) ?? {}
      if (mime === undefined || url === undefined) throw unknownMedia(id, 'messages')
      return [id, { mime, url }]
    })
  } catch (error) {
    const left = ids.filter((id) => !namesOf(error).has(id))
    // Only what was named before this request, and is gone since, is forgiven.
    const isForgiven = left.length < ids.length && ids.every((id) => left.includes(id) || mayBeGone.has(id))
    if (!isForgiven) throw error
    return resolve(deps, who, { ids: left, as, mayBeGone })
  }
}

/** media-api names every id that it does not find. */
const namesOf = (error: unknown): Set<string> =>
  new Set(isNotFound(error) ? (error.message.match(/jan_[0-9a-z]{26}/g) ?? []) : [])

const isNotFound = (error: unknown): error is AppError => error instanceof AppError && error.code === 'not_found'

async function describe(
  deps: Needs,
  who: Who,
  id: string,
  mayBeGone: ReadonlySet<string>,
): Promise<FetchedMedia | undefined> {
  try {
    const { mime, filename } = await ask<{ mime: string; filename: string }>(deps, who, `/v1/media/${id}/metadata`)
    return { mime, filename }
  } catch (error) {
    if (isNotFound(error) && mayBeGone.has(id)) return undefined
    throw error
  }
}

async function textOf(deps: Needs, who: Who, id: string): Promise<string> {
  const { text, truncated } = await ask<{ text: string; truncated: boolean }>(deps, who, `/v1/media/${id}/text`)
  return truncated ? `${text}\n(the rest was left out)` : text
}

const ask = <T>({ media }: Needs, { caller, requestId, signal }: Who, path: string, json?: unknown): Promise<T> =>
  media.json<T>({
    method: json === undefined ? 'GET' : 'POST',
    path,
    caller,
    requestId,
    signal,
    ...(json === undefined ? {} : { json }),
  })
