import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSandbox } from '../../../services/mcp-tools/src/sandbox/sandbox.ts'
import { readInput, tell } from '../../measure/child-process.ts'

/**
 * Runs programs when told: `POST /run` answers with what one printed, `POST /ready` when the next one can be run.
 * `cold` has a sandbox of its own for each program; a memory snapshot is there already, as after the first day.
 */
const { stateDir, language, cold } = readInput<{
  stateDir: string
  language: 'python' | 'javascript'
  cold: boolean
}>()
const log = { info: () => {}, warn: (...line: unknown[]) => process.stderr.write(`${JSON.stringify(line)}\n`) }
const open = () =>
  createSandbox({ stateDir, poolSize: 1, timeoutMs: 30_000, maxOutputBytes: 64 << 10, maxQueue: 10, log })

let sandbox = open()
const code = language === 'python' ? 'print(6 * 7)' : 'console.log(6 * 7)'
const run = async () => (await sandbox.run({ language, code })).stdout
await run()

const server = createServer(async (request, response) => {
  if (request.url === '/run') return void response.end(await run())
  if (cold) {
    await sandbox.close()
    sandbox = open()
  } else await sandbox.warmed()
  response.end()
})
server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
