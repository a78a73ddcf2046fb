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

/** Values of one series that are told to the library together: at once each would cost several times more. */
const TOLD_AT_ONCE = 1_000

export function createMetrics(service: string): HttpMetrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const requests = histogram(
    registry,
    'http_server_request_duration_seconds',
    'Time from the head of a request to the end of its answer',
    ['operation', 'status'],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  )
  let inFlight = 0
  new Gauge({
    name: 'http_server_requests_in_flight',
    help: 'Requests being answered',
    registers: [registry],
    collect() {
      this.set(inFlight)
    },
  })
  return {
    registry,
    began() {
      inFlight += 1
    },
    ended(operation, status, seconds) {
      inFlight -= 1
      requests.labels({ operation, status: String(status) }).observe(seconds)
    },
    counter: (name, help, labelNames) => counter(registry, name, help, labelNames),
    histogram: (name, help, labelNames, buckets) => histogram(registry, name, help, labelNames, buckets),
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

/** Makes a series once for each set of values. They are found by one after the other: a key made of all would be a new string each time. */
function seriesBy<L extends string, S>(labelNames: L[], make: (values: Record<L, string>) => S) {
  type Level = Map<string, Level> & { series?: S }
  const root: Level = new Map()
  return (values: Record<L, string>): S => {
    let level = root
    for (const label of labelNames) {
      let next = level.get(values[label])
      if (!next) {
        next = new Map()
        level.set(values[label], next)
      }
      level = next
    }
    level.series ??= make(values)
    return level.series
  }
}

/** Adds up here, and is told to the library when somebody reads. */
function counter<L extends string>(registry: Registry, name: string, help: string, labelNames: L[]) {
  const all: { values: Record<L, string>; count: number; inc(by?: number): void }[] = []
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      for (const series of all) {
        if (series.count > 0) this.inc(series.values, series.count)
        series.count = 0
      }
    },
  })
  const labels = seriesBy(labelNames, (values): Counted => {
    const series = {
      values,
      count: 0,
      inc(by = 1) {
        series.count += by
      },
    }
    all.push(series)
    return series
  })
  return { labels, inc: (values: Record<L, string>, by?: number) => labels(values).inc(by) }
}

function histogram<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: L[],
  buckets: number[],
) {
  const all: (() => void)[] = []
  const series = new Histogram({
    name,
    help,
    labelNames,
    buckets,
    registers: [registry],
    collect() {
      for (const tell of all) tell()
    },
  })
  const labels = seriesBy(labelNames, (values): Observed => {
    const one = series.labels(values)
    let waiting: number[] = []
    const tell = () => {
      for (const value of waiting) one.observe(value)
      waiting = []
    }
    all.push(tell)
    return {
      observe(value) {
        if (waiting.push(value) === TOLD_AT_ONCE) tell()
      },
    }
  })
  return { labels }
}
