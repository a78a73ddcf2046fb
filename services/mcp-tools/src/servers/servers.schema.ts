import { z } from 'zod'
import { HeaderMap } from './header-map.ts'
import { requireIssuer, ServerName } from './server-file.schema.ts'
import { DEFAULT_TIMEOUT_MS, LONGEST_TIMEOUT_MS } from './server-spec.ts'

const url = z.string().trim().min(1).max(2_048).describe('Where the server is; it must be a public address')
const type = z.enum(['http', 'sse']).describe('Streamable HTTP, or the older HTTP with SSE')
const description = z.string().max(2_000)
const timeout = z
  .number()
  .min(1)
  .max(LONGEST_TIMEOUT_MS / 1000)
  .describe('Longest call, in seconds')
const oauth = z
  .strictObject({
    client_id: z.string().min(1).max(500),
    client_secret: z.string().max(2_000).optional(),
    issuer: z
      .string()
      .max(2_048)
      .optional()
      .describe(
        'The authorization server that the client is registered at; needed with client_secret, which goes nowhere else',
      ),
    scope: z.string().max(1_000).optional(),
  })
  .superRefine(requireIssuer)
  .describe(
    'A client that is registered there already; without it one is registered when the server lets clients do so',
  )

export const CreateServer = z
  .strictObject({
    name: ServerName.describe('What comes before `__` in the names of its tools'),
    description: description.default(''),
    type: type.default('http'),
    url,
    headers: HeaderMap.default({}).describe('Sent with every request; kept encrypted, and never told again'),
    auth: z.enum(['none', 'oauth']).default('none').describe('oauth: every user logs in for themselves'),
    oauth: oauth.optional(),
    enabled: z.boolean().default(true),
    timeout: timeout.default(DEFAULT_TIMEOUT_MS / 1000),
    shared: z.boolean().default(false).describe('For everyone; admins only'),
  })
  .meta({ id: 'CreateMcpServer' })

export const UpdateServer = z
  .strictObject({
    name: ServerName.optional(),
    description: description.optional(),
    type: type.optional(),
    url: url
      .optional()
      .describe(
        'At another host, scheme or port its headers, client and logins are forgotten, unless new ones come with it',
      ),
    headers: HeaderMap.optional().describe('Replaces all of them'),
    auth: z.enum(['none', 'oauth']).optional(),
    oauth: oauth.nullish(),
    enabled: z.boolean().optional(),
    timeout: timeout.optional(),
  })
  .meta({ id: 'UpdateMcpServer' })

export const McpServer = z
  .looseObject({
    id: z.string(),
    object: z.literal('mcp.server'),
    name: z.string(),
    description: z.string(),
    source: z.enum(['file', 'api']).describe('Only those of the API can be changed over it'),
    shared: z.boolean(),
    enabled: z.boolean(),
    type: z.enum(['http', 'sse', 'stdio']),
    auth: z.enum(['none', 'oauth']),
    timeout: z.number(),
    status: z
      .enum(['idle', 'connecting', 'ready', 'down', 'needs_login'])
      .describe('For the caller, as this replica knows it'),
    status_since: z.int().nullable(),
    reason: z.string().nullable().describe('Why it is down'),
    tools: z.int().describe('How many of its tools are offered'),
    refused_tools: z.int().describe('How many are not; see its tools for the reasons'),
    url: z.string().nullable().describe('For those who may change it'),
    header_names: z.array(z.string()),
    created_at: z.int().nullable(),
  })
  .meta({ id: 'McpServer' })

export const McpServerList = z
  .looseObject({ object: z.literal('list'), data: z.array(McpServer) })
  .meta({ id: 'McpServerList' })
export const McpServerDeleted = z
  .looseObject({ id: z.string(), object: z.literal('mcp.server.deleted'), deleted: z.literal(true) })
  .meta({ id: 'McpServerDeleted' })
export const ServerParams = z.object({ id: z.string().min(1).max(100) })

const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const Change = z.looseObject({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() })

export const McpServerTools = z
  .looseObject({
    object: z.literal('list'),
    data: z.array(
      z.looseObject({
        name: z.string().describe('As the server calls it'),
        offered_as: z.string().nullable(),
        state: z.enum(['offered', 'refused', 'changed']),
        reason: z.string().nullable(),
        hash: Hash.nullable().describe('Of what it says now; to be sent when it is accepted'),
        changes: z.array(Change).describe('What is another than what was accepted'),
      }),
    ),
  })
  .meta({ id: 'McpServerTools' })

export const AcceptTool = z.strictObject({ tool: z.string().min(1).max(128), hash: Hash }).meta({ id: 'AcceptMcpTool' })

export const LoginStarted = z
  .looseObject({ object: z.literal('mcp.login'), authorization_url: z.string() })
  .meta({ id: 'McpLoginStarted' })
export const FinishLogin = z.strictObject({ completion: z.string().min(1).max(16_384) }).meta({ id: 'FinishMcpLogin' })
export const CallbackQuery = z.looseObject({
  state: z.string().max(8_192).optional(),
  code: z.string().max(4_096).optional(),
  iss: z.string().max(2_048).optional(),
  error: z.string().max(200).optional(),
})
