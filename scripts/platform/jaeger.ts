import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { collectorProgram, startCollector } from './collector.ts'
import { buildGo, goModule } from './go.ts'
import type { Bench, Ingredient, Part } from './part.ts'
import { serve } from './server.ts'

const VERSION = 'v1.76.0'

/** Jaeger 2; made from its module it has no web page, but the whole query API. */
export const jaegerProgram: Ingredient = {
  name: `jaeger-${VERSION}`,
  minutes: 9,
  make: async (bench, into) => {
    // Built in its own folder: its replacements of other modules, and its checksums, hold only there.
    const cwd = await goModule(bench, 'github.com/jaegertracing/jaeger', VERSION)
    await buildGo(bench, { cwd, program: './cmd/jaeger', output: join(into, 'jaeger') })
  },
}

async function startJaeger(bench: Bench): Promise<{ queryUrl: string; otlpUrl: string }> {
  const address = async () => `127.0.0.1:${await freePort()}`
  const [query, queryGrpc, otlp] = [await address(), await address(), await address()]
  const config = {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query'],
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger_storage_exporter'] } },
    },
    extensions: {
      jaeger_storage: { backends: { memory: { memory: { max_traces: 1000 } } } },
      jaeger_query: { storage: { traces: 'memory' }, http: { endpoint: query }, grpc: { endpoint: queryGrpc } },
    },
    receivers: { otlp: { protocols: { http: { endpoint: otlp } } } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
  }
  const file = join(bench.work, 'jaeger.yaml')
  writeFileSync(file, JSON.stringify(config))
  await serve(bench, {
    label: 'jaeger',
    command: join(placeOf(bench, jaegerProgram), 'jaeger'),
    args: ['--config', file],
    // Else it sends traces of its own to a port that is not ours.
    env: { OTEL_TRACES_SAMPLER: 'always_off' },
    ready: { url: `http://${query}/api/services` },
  })
  return { queryUrl: `http://${query}`, otlpUrl: `http://${otlp}` }
}

export const jaeger: Part = {
  name: 'jaeger',
  needs: [collectorProgram, jaegerProgram],
  minutes: 0.5,
  suite: 'tests/parts/jaeger.platform.test.ts',
  start: async (bench) => {
    const { queryUrl, otlpUrl } = await startJaeger(bench)
    const { url } = await startCollector(bench, otlpUrl)
    return { JAN_TEST_COLLECTOR_URL: url, JAN_TEST_JAEGER_URL: queryUrl }
  },
}
