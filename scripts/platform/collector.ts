import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { buildGo, goRun } from './go.ts'
import type { Bench, Ingredient, Part } from './part.ts'
import { serve } from './server.ts'

/** The newest release of which every component below is published as a Go module. */
const VERSION = 'v0.155.0'
const CORE = 'go.opentelemetry.io/collector'
const CONTRIB = 'github.com/open-telemetry/opentelemetry-collector-contrib'
const modules = (...paths: string[]) => paths.map((path) => ({ gomod: `${path} ${VERSION}` }))

export const collectorProgram: Ingredient = {
  name: `otelcol-${VERSION}`,
  minutes: 6,
  make: async (bench, into) => {
    const cwd = join(bench.work, 'collector-build')
    mkdirSync(cwd)
    // JSON is YAML.
    const builder = {
      dist: { name: 'otelcol', module: 'jan.local/otelcol', output_path: './sources' },
      receivers: modules(`${CORE}/receiver/otlpreceiver`),
      processors: modules(
        `${CORE}/processor/batchprocessor`,
        `${CORE}/processor/memorylimiterprocessor`,
        `${CONTRIB}/processor/tailsamplingprocessor`,
        `${CONTRIB}/processor/attributesprocessor`,
      ),
      exporters: modules(
        `${CORE}/exporter/debugexporter`,
        `${CORE}/exporter/otlpexporter`,
        `${CORE}/exporter/otlphttpexporter`,
        `${CONTRIB}/exporter/prometheusexporter`,
      ),
      connectors: modules(`${CONTRIB}/connector/spanmetricsconnector`),
      extensions: modules(`${CONTRIB}/extension/healthcheckextension`),
    }
    writeFileSync(join(cwd, 'builder.yaml'), JSON.stringify(builder))
    await goRun(bench, `${CORE}/cmd/builder@${VERSION}`, ['--skip-compilation', '--config', 'builder.yaml'], cwd)
    await buildGo(bench, { cwd: join(cwd, 'sources'), program: '.', output: join(into, 'otelcol') })
  },
}

/** @returns where it takes traces, and where its span metrics are. Without a Jaeger it only counts the spans. */
export async function startCollector(bench: Bench, jaegerUrl?: string): Promise<{ url: string; metricsUrl: string }> {
  const address = async () => `127.0.0.1:${await freePort()}`
  const [http, metrics, health] = [await address(), await address(), await address()]
  const exporter = jaegerUrl ? { otlphttp: { endpoint: jaegerUrl } } : { debug: {} }
  const tail = ['memory_limiter', 'tail_sampling', 'batch']
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: http } } } },
    processors: {
      memory_limiter: { check_interval: '1s', limit_mib: 256 },
      batch: { timeout: '200ms' },
      tail_sampling: { decision_wait: '1s', policies: [{ name: 'all', type: 'always_sample' }] },
    },
    connectors: { spanmetrics: { metrics_flush_interval: '1s' } },
    exporters: { ...exporter, prometheus: { endpoint: metrics } },
    extensions: { health_check: { endpoint: health } },
    service: {
      extensions: ['health_check'],
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], processors: tail, exporters: [...Object.keys(exporter), 'spanmetrics'] },
        metrics: { receivers: ['spanmetrics'], exporters: ['prometheus'] },
      },
    },
  }
  const file = join(bench.work, 'collector.yaml')
  writeFileSync(file, JSON.stringify(config))
  await serve(bench, {
    label: 'collector',
    command: join(placeOf(bench, collectorProgram), 'otelcol'),
    args: ['--config', file],
    ready: { url: `http://${health}/` },
  })
  return { url: `http://${http}`, metricsUrl: `http://${metrics}/metrics` }
}

export const collector: Part = {
  name: 'collector',
  needs: [collectorProgram],
  minutes: 0.5,
  suite: 'tests/parts/collector.platform.test.ts',
  start: async (bench) => {
    const { url, metricsUrl } = await startCollector(bench)
    return { JAN_TEST_COLLECTOR_URL: url, JAN_TEST_COLLECTOR_METRICS_URL: metricsUrl }
  },
}
