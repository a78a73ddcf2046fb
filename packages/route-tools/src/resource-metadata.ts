import type { Authenticate } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'

/** Of RFC 9728, for what is served at the root; the path of the resource follows (§3.1). */
export const METADATA_PATH = '/.well-known/oauth-protected-resource'

/** Where clients reach a service, and who issues their tokens. */
export type Resource = { publicUrl: string; issuer: string }

const under = ({ publicUrl }: Resource, path: string) => publicUrl.replace(/\/+$/, '') + path

const Metadata = z.looseObject({
  resource: z.string(),
  authorization_servers: z.array(z.string()),
  bearer_methods_supported: z.array(z.string()),
})

/** Who issues tokens for a service's tools (RFC 9728). */
export const metadataRoute = (resource: Resource): Route =>
  route({
    operation: 'get_route_tools_metadata',
    method: 'get',
    path: `${METADATA_PATH}/mcp`,
    aliases: [METADATA_PATH],
    summary: 'Who issues tokens for the tools',
    auth: 'none',
    answers: { 200: Metadata },
    handler: () => ({
      resource: under(resource, '/mcp'),
      authorization_servers: [resource.issuer],
      bearer_methods_supported: ['header'],
    }),
  })

/** The end of a 401 that tells clients where to begin their sign-in. */
export const whereToBegin = (resource: Resource) => `, resource_metadata="${under(resource, `${METADATA_PATH}/mcp`)}"`

/** The same, for the refusals of tokens. */
export const refusing =
  (authenticate: Authenticate, resource: Resource): Authenticate =>
  async (headers) => {
    try {
      return await authenticate(headers)
    } catch (error) {
      throw changeChallenge(error, (told) => told + whereToBegin(resource))
    }
  }

/** A refusal whose `WWW-Authenticate` says something else; what has none is as it was. */
export function changeChallenge(error: unknown, change: (told: string) => string): unknown {
  const told = error instanceof AppError ? error.extra.headers?.['www-authenticate'] : undefined
  if (!(error instanceof AppError) || told === undefined) return error
  const headers = { ...error.extra.headers, 'www-authenticate': change(told) }
  return new AppError(error.code, error.message, { ...error.extra, headers })
}
