import type { Caller } from '@jan/service-kit/auth'
import type { Streamed } from '@jan/service-kit/streamed-body'
import type { Who } from '@jan/service-kit/who'
import { type Owner, ownerFor } from '../access/reach.ts'
import type { Deps } from '../deps.ts'
import { FormOwner } from './media.schema.ts'
import { mediaIdFor } from './media-id.ts'
import { roomOf } from './quota.ts'
import { readMultipart } from './read-multipart.ts'
import { type Received, receiveContent } from './receive-content.ts'
import { type Naming, removeObject, type StoredMedia, storeReceived } from './store-received.ts'

type Needs = Pick<Deps, 'media' | 'storage' | 'scanner' | 'texts' | 'settings' | 'now'>

/**
 * Stores the `file` of a form as it comes; what the form says of it may stand before or behind it.
 * @param name gives it its name and more, from the fields; what it refuses is not kept
 */
export async function receiveForm(
  deps: Needs,
  who: Who<Caller>,
  body: Streamed,
  name: (fields: Record<string, string>) => Omit<Naming, 'id' | 'owner'>,
): Promise<StoredMedia> {
  const { caller } = who
  const id = mediaIdFor(who)
  // For whom a service stores it may be said behind the bytes.
  const requireRoom = caller.kind === 'service' ? () => undefined : await roomOf(deps, caller.workspaceId)
  let received: Received | undefined
  let filename: string | undefined
  try {
    const fields = await readMultipart(body, 'file', async (file) => {
      filename = file.filename
      received = await receiveContent(deps, id, file, requireRoom)
    })
    const owner: Owner = ownerFor(caller, FormOwner.parse(fields).user_id)
    const naming = name(fields)
    return await storeReceived(deps, who, received!, { ...naming, filename: naming.filename ?? filename, id, owner })
  } catch (error) {
    if (received) await removeObject(deps, who, received.storageKey)
    throw error
  }
}
