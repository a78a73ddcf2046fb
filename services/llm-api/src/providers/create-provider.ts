import { Secret } from '@jan/service-kit/config'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import { prepareListing } from '../models/prepare-listing.ts'
import { type KindName, kindOf } from './kinds.ts'
import { secretContext } from './known-providers.ts'
import { hintOf } from './present-provider.ts'
import type { ListedModel } from './provider.client.ts'
import type { CreateProvider } from './provider.schema.ts'
import type { ProviderRow } from './provider.store.ts'
import { reasonOf, refusalOf, requireBaseUrl } from './require-base-url.ts'

type Needs = Pick<Deps, 'models' | 'modelStores' | 'providers' | 'cipher' | 'isAllowed'>

/**
 * Adds a provider with the models that it lists, all of it or nothing.
 * @throws AppError `invalid_request`; `conflict` when there is one of this kind; `upstream_failed` when it lists no models
 */
export async function createProvider(
  deps: Needs,
  who: Who,
  input: z.output<typeof CreateProvider>,
): Promise<ProviderRow> {
  const id = who.newId('prov', 16)
  const kind = kindOf(input.vendor)
  const key = keyOf(input.api_key)
  const baseUrl = requireBaseUrl(deps, input.base_url)
  requireFree(deps, kind, id)
  const listed = input.verify ? await listModels(deps, { kind, baseUrl, key }) : undefined
  const made = await deps.modelStores.providers.create(
    {
      id,
      name: input.name,
      kind,
      baseUrl,
      active: input.active,
      metadata: input.metadata,
      secret: key === undefined ? null : deps.cipher.encrypt(key, secretContext(id)),
      keyHint: hintOf(key),
    },
    listed && prepareListing({ provider: { id, kind }, listed, configured: [], known: new Map() }),
  )
  if (!made) throw taken(kind)
  await deps.models.changed()
  return made
}

/** Blank, and the word `none`, are no key. */
export function keyOf(sent: string | null | undefined): string | undefined {
  const key = sent?.trim()
  if (!key || key.toLowerCase() === 'none') return undefined
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new AppError('invalid_request', 'api_key: expected printable ASCII without spaces', { param: 'api_key' })
  return key
}

const taken = (kind: string) =>
  new AppError('conflict', `There is a provider of the kind '${kind}' already; further ones are added as 'custom'`, {
    param: 'vendor',
  })

function requireFree(deps: Pick<Deps, 'models'>, kind: KindName, id: string): void {
  const others = deps.models.providers().filter((each) => each.id !== id)
  if (kind !== 'custom' && others.some((each) => each.kind === kind)) throw taken(kind)
}

async function listModels(
  deps: Pick<Deps, 'providers'>,
  { kind, baseUrl, key }: { kind: KindName; baseUrl: string; key: string | undefined },
): Promise<ListedModel[]> {
  const apiKey = key === undefined ? undefined : new Secret(key)
  const client = deps.providers.make({ kind, baseUrl, apiKey, operator: undefined })
  try {
    return await client.listModels()
  } catch (error) {
    const { message } = reasonOf(error)
    throw (
      refusalOf(error) ??
      new AppError(
        'upstream_failed',
        `The provider was not added, because its models could not be listed: ${message}`,
        {
          cause: error,
        },
      )
    )
  } finally {
    await client.close()
  }
}
