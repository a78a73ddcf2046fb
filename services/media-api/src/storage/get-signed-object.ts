import type { Answer } from '@jan/service-kit/answer'
import { notFound } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import { sendObject } from './send-object.ts'
import type { SignedGet } from './url-signer.ts'

type Input = {
  object: SignedGet
  signature: string
  headers: Readonly<Record<string, string | undefined>>
}

/** Serves what a URL of the disk storage was signed for. Objects in S3 are served by S3, so there is nothing here then. */
export async function getSignedObject(
  deps: Pick<Deps, 'storage' | 'urls' | 'now'>,
  { object, signature, headers }: Input,
): Promise<Answer<never>> {
  if (!deps.urls) throw notFound('Object', object.key)
  deps.urls.verifyGet(object, signature)
  const found = await deps.storage.head(object.key)
  if (!found) throw notFound('Object', object.key)
  return sendObject(
    deps.storage,
    {
      ...object,
      ...found,
      maxAgeSeconds: Math.max(object.expires - Math.floor(deps.now().getTime() / 1000), 0),
    },
    headers,
  )
}
