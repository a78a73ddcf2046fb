import { createGateway } from './gateway.ts'
import { readKongFile } from './kong-file.ts'

/** The embedded gateway as a process: started by the supervisor, stopped by SIGTERM. */
const { GATEWAY_PORT, GATEWAY_FILE = 'kong/kong.yml', GATEWAY_HOSTS = '', GATEWAY_RATE_LIMIT, NODE_ENV } = process.env
