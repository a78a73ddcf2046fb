import { ProtocolError } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { RPC } from '../mcp/json-rpc.ts'
import type { Reader, ResourcePage, ResourceSource } from './resource-source.ts'

/** Where a list goes on: in which source, and where in there. */
const Place = z.tuple([z.int().min(0), z.string().nullable()])
const ENOUGH = 50

/**
 * One page of all sources, one after the other. A source that cannot be asked is left out: what is elsewhere can still
 * be read. @throws ProtocolError −32602 for a cursor that is none of ours
 */
export async function listResources(
  { resources: sources }: { resources: readonly ResourceSource[] },
  reader: Reader,
  cursor: string | undefined,
): Promise<ResourcePage> {
  let [at, within] = cursor === undefined ? ([0, null] as const) : readPlace(cursor)
  const resources: ResourcePage['resources'] = []
  while (at < sources.length && resources.length < ENOUGH) {
    const page = await pageOf(sources[at]!, reader, within ?? undefined)
    resources.push(...page.resources)
    if (page.nextCursor === undefined) at++
    within = page.nextCursor ?? null
  }
  return at < sources.length ? { resources, nextCursor: writePlace(at, within) } : { resources }
}

async function pageOf(source: ResourceSource, reader: Reader, cursor: string | undefined): Promise<ResourcePage> {
  try {
    return await source.list(reader, cursor)
  } catch (error) {
    reader.signal.throwIfAborted()
    reader.log.warn({ err: error, source: source.prefix }, 'resources are left out of the list')
    return { resources: [] }
  }
}

const writePlace = (...place: z.output<typeof Place>) => Buffer.from(JSON.stringify(place)).toString('base64url')

function readPlace(cursor: string): z.output<typeof Place> {
  try {
    return Place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch {
    throw new ProtocolError(RPC.invalidParams, 'The cursor is not one that resources/list gave')
  }
}
