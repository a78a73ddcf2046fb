import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The numbers every service has. Labels are bounded: operation and status, never an id. */
export type HttpMetrics = {
  registry: Registry
  /** A request is being answered, until `ended`. */
  began(): void
  ended(operation: string, status: number, seconds: number): void
  /** A counter of the service's own. Values of labels must be few. */
  counter<L extends string>(
    name: string,
    help: string,
    labels: L[],
  ): { inc(values: Record<L, string>, by?: number): void; labels(values: Record<L, string>): Counted }
  /** A distribution of the service's own, in its base unit. Values of labels must be few; buckets ascend. */
  histogram<L extends string>(
    name: string,
    help: string,
    labels: L[],
    buckets: number[],
  ): { labels(values: Record<L, string>): Observed }
  /** A number that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void
}

/** One series, kept by who adds to it often: finding it by its labels costs more than adding. */
export type Counted = { inc(by?: number): void }
export type Observed = { observe(value: number): void }

export function createMetrics(service: string): HttpMetrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['operation', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers: [registry],
  })
  let inFlight = 0
  new Gauge({
    name: 'http_server_requests_in_flight',
    help: 'Requests being answered',
    registers: [registry],
    collect() {
      this.set(inFlight)
    },
  })
  // By operation, then by status: a key made of both would be a new string for every request.
  const children = new Map<string, Map<number, Histogram.Internal<'operation' | 'status'>>>()
  const open = (operation: string, status: number) => {
    const child = requests.labels(operation, String(status))
    children.set(operation, (children.get(operation) ?? new Map()).set(status, child))
    return child
  }
  return {
    registry,
    began() {
      inFlight += 1
    },
    ended(operation, status, seconds) {
      inFlight -= 1
      const child = children.get(operation)?.get(status) ?? open(operation, status)
      child.observe(seconds)
    },
    counter: (name, help, labelNames) => new Counter({ name, help, labelNames, registers: [registry] }),
    histogram: (name, help, labelNames, buckets) =>
      new Histogram({ name, help, labelNames, buckets, registers: [registry] }),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read())
        },
      })
    },
  }
}
