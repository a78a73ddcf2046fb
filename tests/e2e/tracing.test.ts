import { serve } from '@jan/testkit/serve'
import { expect, test } from '@jest/globals'
import { startMediaApi } from '../parts/media-api.ts'
import type { Json } from '../platform.ts'

type Span = { name: string; traceId: string; spanId: string; parentSpanId?: string }

test('a request is one trace, named by its operation, that continues the caller’s [H-46]', async () => {
  const spans: Span[] = []
  const paths = new Set<string | undefined>()
  await using collector = await serve(async (request, response) => {
    const chunks = await request.toArray()
    paths.add(request.url)
    const { resourceSpans } = (
      request.url === '/v1/traces' ? JSON.parse(Buffer.concat(chunks).toString()) : { resourceSpans: [] }
    ) as Json
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await using service = await startMediaApi({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  expect(await service.resolve(traceId)).toBe(404)
  // A clean stop sends what is left.
  expect(await service.stop()).toBe(0)
  expect([...paths]).toEqual(['/v1/traces'])
  const mine = spans.filter((span) => span.traceId === traceId)
  const server = mine.find((span) => span.name === 'resolve_media')
  expect(server).toMatchObject({ parentSpanId: 'b7ad6b7169203331' })
  expect(mine.filter((span) => span.parentSpanId === server!.spanId).map(({ name }) => name)).toContainEqual(
    expect.stringMatching(/^pg/),
  )
  expect(spans.filter((span) => /readyz|healthz/.test(span.name))).toEqual([])
})
