import type { RequestListener } from 'node:http'
import { json } from 'node:stream/consumers'

export type FusionRequest = {
  code: string
  language?: string
  run_timeout?: number
  files?: Record<string, string>
  fetch_files?: string[]
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const finished = (stdout: string, stderr = '', return_code = 0) => ({
  status: return_code === 0 ? 'Finished' : 'Error',
  execution_time: 0.0123,
  return_code,
  stdout,
  stderr,
})

/**
 * Speaks as SandboxFusion does. What a program "does" is told by its first word: `echo` prints the files that came and
 * writes those that are asked for, `fail`, `late`, `broken`, `compile`, `hang`, `refuse`, `flood` and `nonsense`.
 */
export function createFusionFake() {
  const requests: (FusionRequest & { userAgent: string | undefined })[] = []
  const answer = (request: FusionRequest): object => {
    const { code, files = {}, fetch_files: fetched = [] } = request
    const base = { executor_pod_name: null, message: '', compile_result: null, files: {} }
    switch (code.split(/\W/, 1)[0]) {
      case 'fail':
        return { ...base, status: 'Failed', run_result: finished('begun\n', 'Traceback\n', 3) }
      case 'late':
        return {
          ...base,
          status: 'Failed',
          run_result: { ...finished('so far'), status: 'TimeLimitExceeded', return_code: null, execution_time: null },
        }
      case 'broken':
        return { ...base, status: 'SandboxError', message: 'no room for another program', run_result: null }
      case 'compile':
        return { ...base, status: 'Failed', compile_result: finished('', 'main.c:1: what?', 1), run_result: null }
      case 'flood':
        return { ...base, status: 'Success', run_result: finished('x'.repeat(100_000)) }
      default:
        return {
          ...base,
          status: 'Success',
          run_result: finished(
            Object.entries(files)
              .map(([name, data]) => `${name}=${Buffer.from(data, 'base64')}\n`)
              .join(''),
          ),
          files: Object.fromEntries(
            fetched.filter((name) => !(name in files)).map((name) => [name, base64(`of ${name}`)]),
          ),
        }
    }
  }
  const listener: RequestListener = async (incoming, response) => {
    const request = (await json(incoming)) as FusionRequest
    requests.push({ ...request, userAgent: incoming.headers['user-agent'] })
    if (request.code === 'hang') return
    if (incoming.url !== '/run_code' || !request.language || request.code === 'refuse')
      return void response.writeHead(422).end('language: field required')
    response.end(request.code === 'nonsense' ? '<html>' : JSON.stringify(answer(request)))
  }
  return { listener, requests }
}
