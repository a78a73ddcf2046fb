import { env, flag, list } from '@jan/service-kit/config'
import { z } from 'zod'

/** Whether, and for whom, a service serves its own tools. */
export const mcpConfig = {
  enabled: env(
    'MCP_ENABLED',
    flag(false),
    'true: every service serves those of its operations that are tools, at /mcp',
  ),
  publicUrl: env('PUBLIC_URL', z.url().default('http://localhost:8000'), 'Where clients reach the platform'),
  allowedOrigins: env(
    'ALLOWED_ORIGINS',
    list(),
    'Origins of web pages that may call MCP, beside loopback and the one of PUBLIC_URL',
  ),
}
