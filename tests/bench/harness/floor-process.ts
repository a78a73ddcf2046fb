import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import { readInput, tell } from '../../measure/child-process.ts'

/**
 * The least a relay can do on this runtime, and what others are held against: node:http in, undici's `dispatch` out,
 * bytes handed on as they come. No framework, no identity, no limit, no log.
 */
const { upstream } = readInput<{ upstream: string }>()
const connections = new Pool(upstream)

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding'])
const passedOn = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)))

const relayTo = (response: ServerResponse): Dispatcher.DispatchHandler => ({
  onRequestStart: (controller) => {
    response.once('close', () => {
      if (!response.writableFinished) controller.abort(new Error('the client left'))
    })
  },
  onResponseStart: (_controller, status, headers) => void response.writeHead(status, passedOn(headers)),
  onResponseData: (controller, chunk) => {
    if (response.write(chunk)) return
    controller.pause()
    response.once('drain', () => controller.resume())
  },
  onResponseEnd: () => void response.end(),
  onResponseError: () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end()
  },
})

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.once('end', () => {
    const headers = { 'content-type': 'application/json' }
    const body = Buffer.concat(parts)
    connections.dispatch({ path: request.url!, method: 'POST', headers, body }, relayTo(response))
  })
})
server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
