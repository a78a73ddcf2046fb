/**
 * Loaded before everything else: `node --import @jan/service-kit/telemetry src/main.ts`.
 * Without an OTLP endpoint, or with OTEL_ENABLED=false, it loads nothing and costs nothing.
 */
import { register } from 'node:module'

const { OTEL_ENABLED, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = process.env
const wanted = Boolean(OTEL_EXPORTER_OTLP_ENDPOINT || OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
const refused = /^(false|0|no|off)$/i.test(OTEL_ENABLED ?? '')

if (wanted && !refused) await start()

async function start(): Promise<void> {
  const quiet = process.emitWarning
  // Node 26 deprecates `register`, which the instrumentation still needs; only that one warning is dropped.
  process.emitWarning = ((...args: Parameters<typeof quiet>) =>
    args.includes('DEP0205' as never) ? undefined : quiet(...args)) as typeof quiet
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
  process.emitWarning = quiet
  const [
    { NodeSDK },
    { OTLPTraceExporter },
    { HttpInstrumentation },
    { UndiciInstrumentation },
    { PgInstrumentation },
  ] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-undici'),
    import('@opentelemetry/instrumentation-pg'),
  ])
  const isProbe = (url = '') => /^\/(healthz|readyz|metrics)$/.test(url)
  const sdk = new NodeSDK({
    traceExporter: new OTLPTraceExporter(),
    // Metrics are scraped and logs are read from standard output: nothing else goes to the endpoint.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new HttpInstrumentation({ ignoreIncomingRequestHook: (request) => isProbe(request.url) }),
      new UndiciInstrumentation(),
      new PgInstrumentation({ requireParentSpan: true }),
    ],
  })
  sdk.start()
  // Spans of the last requests are sent before the process ends: the event loop is already empty here.
  process.once('beforeExit', () => void sdk.shutdown())
}
