import { type Attributes, type Span, SpanKind, trace } from '@opentelemetry/api'

export type { Attributes, Span } from '@opentelemetry/api'

const tracer = trace.getTracer('jan')

/**
 * Begins the span of a call to another party, under the request that is being answered. Undefined unless that request
 * is traced: so without telemetry, or for a request that is not sampled, it costs one look-up and `attributes` is
 * never called. Who begins it ends it.
 */
export function beginSpan(name: string, attributes: () => Attributes): Span | undefined {
  if (!trace.getActiveSpan()?.isRecording()) return undefined
  return tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: attributes() })
}
