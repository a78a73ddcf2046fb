import { parseKongFile } from '@jan/embedded/gateway/kong-file'
import { insertBefore } from './insert-before.ts'
import type { Plan } from './plan.ts'
import type { FileEdit, Tree } from './tree.ts'

const FILE = 'kong/kong.yml'

/** A service block behind the others. @throws Error when the gateway would refuse the result */
export function addToGateway(plan: Plan, tree: Tree): FileEdit[] {
  const content = insertBefore(tree.read(FILE), /^# All global, /, serviceBlock(plan))
  parseKongFile(content)
  return [{ path: FILE, content }]
}

const serviceBlock = ({ name, subject, port }: Plan) => `\
  # Notes of a workspace.
  - name: ${name}
    host: ${name}
    port: ${port}
    protocol: http
    retries: 0
    connect_timeout: 2000
    read_timeout: 900000
    write_timeout: 900000
    routes:
      - name: ${name}
        paths:
          - ~/v1/${subject}(?:/|$)
        regex_priority: 10
        strip_path: false
        request_buffering: false
        response_buffering: false
`
