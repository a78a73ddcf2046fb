export type Period = 'day' | 'month'

/** The period that holds `at`, in UTC: from its first instant to that of the next. */
export function periodAt(period: Period, at: Date): { from: Date; to: Date } {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()]
  return period === 'day'
    ? { from: new Date(Date.UTC(year, month, day)), to: new Date(Date.UTC(year, month, day + 1)) }
    : { from: new Date(Date.UTC(year, month, 1)), to: new Date(Date.UTC(year, month + 1, 1)) }
}
