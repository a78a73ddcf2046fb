import { buffer } from 'node:stream/consumers'
import { AppError } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import type { Media } from './media.store.ts'

/** The whole object as `data:<type>;base64,<bytes>`. */
export async function readDataUrl({ storage }: Pick<Deps, 'storage'>, media: Media): Promise<string> {
  const body = await storage.get(media.storageKey)
  if (!body)
    throw new AppError('internal', `The stored bytes of ${media.id} are missing`, {
      cause: new Error(`no object at ${media.storageKey}`),
    })
  return `data:${media.mime};base64,${(await buffer(body)).toString('base64')}`
}
