import { Pool } from 'undici'

const LONGEST_SILENCE_MS = 30_000

/** Kept connections to one origin, as many as there are requests at a time. */
export const openConnections = (url: string | URL): Pool =>
  new Pool(new URL(url).origin, { headersTimeout: LONGEST_SILENCE_MS, bodyTimeout: LONGEST_SILENCE_MS })

export type Post = { path: string; headers: Record<string, string>; body: string | Buffer }

/**
 * Sends one POST and hands on the pieces of its answer as they arrive; what `onData` throws ends it.
 * @returns the answer's headers
 * @throws Error when the status is not 2xx, or the answer does not arrive whole
 */
export function post(
  connections: Pool,
  request: Post,
  onData: (bytes: Buffer) => void,
): Promise<Record<string, string | string[] | undefined>> {
  return new Promise((done, fail) => {
    let status = 0
    let headers: Record<string, string | string[] | undefined> = {}
    let refusal = ''
    connections.dispatch(
      { ...request, method: 'POST' },
      {
        onRequestStart: () => {},
        onResponseStart: (_controller, statusCode, received) => {
          status = statusCode
          headers = received
        },
        onResponseData: (controller, bytes) => {
          if (status >= 300) {
            refusal += bytes.toString()
            return
          }
          try {
            onData(bytes)
          } catch (error) {
            controller.abort(error as Error)
          }
        },
        onResponseEnd: () => {
          if (status < 300) return done(headers)
          fail(new Error(`POST ${request.path} answered ${status}: ${refusal.slice(0, 300)}`))
        },
        onResponseError: (_controller, error) => fail(error),
      },
    )
  })
}

/** The whole of an answer. @throws as `post` */
export async function postForText(connections: Pool, request: Post): Promise<string> {
  const parts: Buffer[] = []
  await post(connections, request, (bytes) => parts.push(bytes))
  return Buffer.concat(parts).toString()
}
