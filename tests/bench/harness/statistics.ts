import { quantile } from '../../measure/quantile.ts'
import type { Spread } from './scenario.ts'

/** @throws RangeError for no values */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new RangeError('the median of nothing')
  return (low + high) / 2
}

/** Nearest-rank percentiles; undefined for no values. */
export function spreadOf(values: number[]): Spread | undefined {
  if (values.length === 0) return undefined
  const sorted = Float64Array.from(values).sort()
  return { p50: quantile(sorted, 0.5)!, p99: quantile(sorted, 0.99)! }
}
