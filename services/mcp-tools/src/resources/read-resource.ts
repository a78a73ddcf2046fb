import { toAppError } from '@jan/service-kit/errors'
import { ProtocolError, type ReadResourceResult, ResourceNotFoundError } from '@modelcontextprotocol/server'
import { RPC } from '../mcp/json-rpc.ts'
import type { Reader, ResourceSource } from './resource-source.ts'

/** One resource of the reader's. @throws ResourceNotFoundError; ProtocolError −32603 when it cannot be read now */
export async function readResource(
  { resources: sources }: { resources: readonly ResourceSource[] },
  reader: Reader,
  uri: string,
): Promise<ReadResourceResult> {
  const source = sources.find(({ prefix }) => uri.startsWith(prefix))
  const contents = await source?.read(reader, uri).catch((error: unknown) => {
    reader.signal.throwIfAborted()
    const { code, message } = toAppError(error)
    if (code === 'not_found') return undefined
    if (code === 'internal') reader.log.error({ err: error }, 'a resource cannot be read')
    throw new ProtocolError(RPC.internalError, code === 'internal' ? 'The resource cannot be read' : message)
  })
  if (!contents) throw new ResourceNotFoundError(uri)
  return { contents }
}
