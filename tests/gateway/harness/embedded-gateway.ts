import { createGateway } from '@jan/embedded/gateway/gateway'
import { parseKongFile } from '@jan/embedded/gateway/kong-file'
import type { Running } from './subject.ts'

/** In the middle of a minute that does not end. */
const NOON = Date.UTC(2026, 0, 1, 12, 0, 15)

/** The gateway of `make start`, in this process. */
export async function startEmbedded(yaml: string, ports: Record<string, number>): Promise<Running> {
  const config = parseKongFile(yaml)
  const declared = new Map(config.services.map(({ host, port }) => [host, port]))
  const gateway = createGateway({ config, ports, production: false, clock: () => NOON })
  return {
    host: '127.0.0.1',
    port: await gateway.listen(0),
    hostOf: (service) => `${service}:${declared.get(service)}`,
    freshWindow: async () => {},
    close: () => gateway.close(0),
  }
}
