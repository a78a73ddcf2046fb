import { createAppWithTools } from '@jan/route-tools/create-app-with-tools'
import type { HttpApp } from '@jan/service-kit/http-app'
import type { Route } from '@jan/service-kit/route'
import packageJson from '../package.json' with { type: 'json' }
import { assistantRoutes } from './assistants/assistants.routes.ts'
import { auditRoutes } from './audit/audit.routes.ts'
import { budgetRoutes } from './budgets/budgets.routes.ts'
import { catalogRoutes } from './catalogs/catalogs.routes.ts'
import { chatRoutes } from './chat/chat.routes.ts'
import { conversationRoutes } from './conversations/conversations.routes.ts'
import type { Deps } from './deps.ts'
import { docsRoutes } from './docs/docs.routes.ts'
import { identityRoutes } from './identity/identity.routes.ts'
import { loginRoutes } from './identity/login.routes.ts'
import { sessionRoutes } from './identity/session.routes.ts'
import { keyRoutes } from './keys/keys.routes.ts'
import { limitRoutes } from './limits/limits.routes.ts'
import { modelRoutes } from './models/models.routes.ts'
import { providerModelRoutes } from './models/provider-models.routes.ts'
import { projectRoutes } from './projects/projects.routes.ts'
import { providerRoutes } from './providers/providers.routes.ts'
import { relayRoutes } from './relays/relays.routes.ts'
import { usageRoutes } from './usage/usage.routes.ts'
import { workspaceSettingsRoutes } from './usage/workspace-settings.routes.ts'
import { meRoutes } from './workspaces/workspaces.routes.ts'

/** In the order in which they are tried: what is asked most comes first. */
export const routes = (deps: Deps): Route[] => [
  ...chatRoutes(deps),
  ...relayRoutes(deps),
  ...catalogRoutes(deps),
  ...providerRoutes(deps),
  ...providerModelRoutes(deps),
  ...modelRoutes(deps),
  ...conversationRoutes(deps),
  ...identityRoutes(deps),
  ...keyRoutes(deps),
  ...sessionRoutes(deps),
  ...loginRoutes(deps),
  ...projectRoutes(deps),
  ...assistantRoutes(deps),
  ...usageRoutes(deps),
  ...budgetRoutes(deps),
  ...limitRoutes(deps),
  ...workspaceSettingsRoutes(deps),
  ...auditRoutes(deps),
  ...meRoutes(deps),
  ...docsRoutes(),
]

export const createApp = (deps: Deps): HttpApp =>
  createAppWithTools({
    service: 'llm-api',
    version: packageJson.version,
    log: deps.log,
    metrics: deps.metrics,
    authenticate: deps.authenticate,
    limiter: deps.limiter,
    trustedProxies: deps.trustedProxies,
    idempotency: deps.idempotency,
    routes: routes(deps),
    mcp: { ...deps.mcp, prefix: '/llm' },
    dependencies: deps.dependencies,
    bodyLimit: deps.bodyLimit,
  })
