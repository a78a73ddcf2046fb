import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { ConnectionTest } from './provider.schema.ts'
import { reasonOf } from './require-base-url.ts'
import { requireProvider } from './require-provider.ts'

/** Asks a provider for its models, and changes nothing. What failed is a result. @throws AppError `not_found` */
export async function testProvider(
  deps: Pick<Deps, 'models' | 'providers'>,
  id: string,
): Promise<z.input<typeof ConnectionTest>> {
  const { problem } = await requireProvider(deps, id)
  const began = performance.now()
  const latency = () => Math.round(performance.now() - began)
  const client = deps.providers.client(id)
  if (!client) return { ok: false, latency_ms: 0, error: { code: 'unavailable', message: problem ?? 'It is gone' } }
  try {
    const { length } = await client.listModels()
    return { ok: true, latency_ms: latency(), models: length }
  } catch (error) {
    return { ok: false, latency_ms: latency(), error: reasonOf(error) }
  }
}
