import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'

const KEY = `t:${Buffer.alloc(32).toString('base64url')}`

/** A real mcp-tools process over this database, which lets everybody in and needs no other service. */
export const startMcpTools = (databaseUrl: string, environment: Record<string, string> = {}): Promise<ServiceProcess> =>
  startServiceProcess('mcp-tools', () => ({
    MCP_TOOLS_DATABASE_URL: databaseUrl,
    INTERNAL_TOKEN_KEYS: KEY,
    FIELD_ENCRYPTION_KEYS: KEY,
    AUTH_ENABLED: 'false',
    ...environment,
  }))
