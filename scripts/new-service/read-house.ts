import { parseKongFile } from '@jan/embedded/gateway/kong-file'
import { compileRoutes } from '@jan/embedded/gateway/routing'
import { PORTS } from '@jan/embedded/layout'
import type { House } from './check-name.ts'
import type { Tree } from './tree.ts'

/** Which names the checkout uses. `services` are the folders below services/, whatever is in them. */
export function readHouse(tree: Tree, services: string[]): House {
  const lock = JSON.parse(tree.read('package-lock.json')) as { packages: Record<string, { name?: string }> }
  const documents = tree.list('services').filter((path) => /^services\/[^/]+\/openapi\.json$/.test(path))
  return {
    services,
    packages: Object.values(lock.packages).flatMap(({ name }) => name ?? []),
    ports: PORTS,
    routes: compileRoutes(parseKongFile(tree.read('kong/kong.yml')).services),
    paths: documents.flatMap((path) => Object.keys((JSON.parse(tree.read(path)) as { paths: object }).paths)),
  }
}
