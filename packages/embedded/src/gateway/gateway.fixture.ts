import { createGateway, type GatewayOptions } from './gateway.ts'
import { type KongConfig, loadKongFile } from './kong-file.ts'
import { startRecorder } from './recorder.fixture.ts'

export type Platform = Awaited<ReturnType<typeof startPlatform>>

/** The shipped file with other timeouts or plugins. */
export function kongConfig(change: (config: KongConfig) => void = () => {}): KongConfig {
  const config = structuredClone(loadKongFile())
  change(config)
  return config
}

/** The embedded gateway in front of services that record what arrives. */
export async function startPlatform(options: Partial<GatewayOptions> = {}) {
  const services = await startRecorder()
  const gateway = createGateway({ config: kongConfig(), ports: services.ports, production: false, ...options })
  const port = await gateway.listen(0)
  return {
    port,
    gateway,
    services,
    async [Symbol.asyncDispose]() {
      await gateway.close(0)
      await services.stop()
    },
  }
}
