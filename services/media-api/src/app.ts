import { createAppWithTools } from '@jan/route-tools/create-app-with-tools'
import { presentFlatError, presentOpenAiError } from '@jan/service-kit/errors'
import { presentErrorsAs, type Route } from '@jan/service-kit/route'
import { workspaceRoutes } from '@jan/service-kit/workspace-routes'
import packageJson from '../package.json' with { type: 'json' }
import type { Deps } from './deps.ts'
import { fileRoutes } from './files/files.routes.ts'
import { dataUrlLength } from './media/data-url.ts'
import { eraseMedia } from './media/erase-media.ts'
import { mediaRoutes } from './media/media.routes.ts'
import { storageRoutes } from './storage/storage.routes.ts'

/** Room for everything in a body that is not the largest data URL. */
const BESIDE_THE_DATA_URL = 64 * 1024

/** A gigabyte from far away. A body that stands still is cut much earlier. */
const LONGEST_UPLOAD_MS = 3_600_000

export const routes = (deps: Deps): Route[] => [
  ...presentErrorsAs(presentFlatError, [
    ...mediaRoutes(deps),
    ...storageRoutes(deps),
    ...workspaceRoutes('media-api', {
      erase: (workspaceId) => eraseMedia(deps, workspaceId),
      tell: (workspaceId) => ({ media: deps.media.all(workspaceId) }),
    }),
  ]),
  ...presentErrorsAs(presentOpenAiError, fileRoutes(deps)),
]

export const createApp = (deps: Deps) =>
  createAppWithTools({
    service: 'media-api',
    version: packageJson.version,
    log: deps.log,
    metrics: deps.metrics,
    authenticate: deps.authenticate,
    limiter: deps.limiter,
    idempotency: deps.idempotency,
    routes: routes(deps),
    mcp: { ...deps.mcp, prefix: '/media' },
    dependencies: deps.dependencies,
    bodyLimit: dataUrlLength(deps.settings.maxBytes.image) + BESIDE_THE_DATA_URL,
    requestTimeoutMs: LONGEST_UPLOAD_MS,
    presentError: presentFlatError,
  })
