import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { serve } from '@jan/testkit/serve'
import { expect, test } from '@jest/globals'

type Attribute = { key: string; value: Record<string, unknown> }
type Span = { name: string; kind: number; status: { code?: number }; attributes: Attribute[] }
type Exported = { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }

/** What a process exports to an OTLP endpoint, from its start to its end. */
async function spansOf(fixture: string): Promise<Span[]> {
  const spans: Span[] = []
  await using collector = await serve(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const json = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    const { resourceSpans } = JSON.parse(json.toString()) as Exported
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
    response.setHeader('content-type', 'application/json').end('{}')
  })
  const child = spawn(process.execPath, ['--import', '@jan/service-kit/telemetry', fixture], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  })
  expect(await once(child, 'exit')).toEqual([0, null])
  return spans
}

const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

test('a call is a span by the conventions for generative AI, with payloads only of who asked for it [L-077 L-078]', async () => {
  const spans = (await spansOf('traced-call.fixture.ts')).filter(({ name }) => name === 'chat m')
  expect(spans.map(({ kind, status }) => [kind, status.code ?? 0])).toEqual([
    [3, 0],
    [3, 2],
  ])
  const [ann, ben] = spans.map(attributesOf)
  expect(ann).toEqual({
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'm',
    'gen_ai.request.stream': true,
    'gen_ai.request.max_tokens': 50,
    'gen_ai.conversation.id': 'conv_1',
    'gen_ai.provider.name': 'vllm',
    'gen_ai.response.model': 'm-q4',
    'jan.provider': 'here',
    'jan.attempts': 2,
    'gen_ai.input.messages': 'what ann asked',
    'gen_ai.usage.input_tokens': 7,
    'gen_ai.usage.output_tokens': 3,
    'gen_ai.usage.cache_read.input_tokens': 2,
    'gen_ai.usage.reasoning.output_tokens': 1,
    'http.response.status_code': 200,
    'jan.usage_estimated': false,
    'gen_ai.response.time_to_first_chunk': expect.any(Number),
  })
  expect(ben).toMatchObject({ 'error.type': '502', 'gen_ai.usage.input_tokens': 0 })
  expect(ben).not.toHaveProperty('gen_ai.input.messages')
})
