import { z } from 'zod'

export const ResourceMetadata = z
  .looseObject({
    resource: z.string().describe('The endpoint that tokens are for'),
    authorization_servers: z.array(z.string()).describe('Issuers whose tokens are accepted'),
    bearer_methods_supported: z.array(z.string()),
    scopes_supported: z.array(z.string()),
    resource_name: z.string().optional(),
  })
  .meta({ id: 'ProtectedResourceMetadata', description: 'RFC 9728' })
