import { presentTable } from '../../measure/markdown.ts'
import { quantile } from '../../measure/quantile.ts'
import type { Report } from './run-scenario.ts'

/** A run as it is printed and kept in the docs. */
export function presentReport(report: Report, command: string): string {
  const { scenario, operations, acknowledged, retried, notes } = report
  return [
    `### ${scenario.name}`,
    scenario.about,
    `\`${command}\`: ${operations} operations, ${acknowledged} acknowledged, ${retried} retried.`,
    presentTable(['Fault', 'Times', 'Recovery p50', 'p95', 'max'], faultRows(report)),
    presentTable(
      ['Judge', 'Looked at', 'Violations'],
      report.verdicts.map(({ name, lookedAt, violations }) => [name, lookedAt, violations.length]),
    ),
    ...notes,
  ].join('\n\n')
}

/** What was violated, in words; empty when nothing was. */
export const presentEvidence = ({ verdicts }: Report): string =>
  verdicts
    .filter(({ violations }) => violations.length > 0)
    .map(({ name, violations }) => presentList(`Violated: ${name}`, violations))
    .join('\n')

const MOST_TOLD = 10

function presentList(title: string, lines: string[]): string {
  const more = lines.length > MOST_TOLD ? [`… and ${lines.length - MOST_TOLD} more`] : []
  return [title, ...[...lines.slice(0, MOST_TOLD), ...more].map((line) => `  - ${line}`)].join('\n')
}

export const countViolations = ({ verdicts }: Report): number =>
  verdicts.reduce((sum, { violations }) => sum + violations.length, 0)

function faultRows({ struck }: Report): (string | number)[][] {
  const byKind = Map.groupBy(struck, ({ kind }) => kind)
  return [...byKind].sort().map(([kind, faults]) => {
    const times = faults.flatMap(({ recoveryMs }) => recoveryMs ?? []).sort((one, other) => one - other)
    return [kind, faults.length, ...[0.5, 0.95, 1].map((share) => presentMs(quantile(times, share)))]
  })
}

const presentMs = (ms: number | undefined) => (ms === undefined ? 'none' : `${(ms / 1000).toFixed(2)} s`)
