import { presentTable } from '../../measure/markdown.ts'
import type { Column, Sample } from './scenario.ts'
import { median } from './statistics.ts'

/** Columns that many scenarios have. */
export const MEMORY: Column = {
  title: 'memory MB',
  of: ({ memory }) => (memory.self === undefined ? undefined : memory.self / 1e6),
  digits: 0,
}

/** CPU of one tree of the contestant per unit of work, in µs. */
export const cpuPerUnit = ({ cpu, units }: Sample, tree = 'self'): number | undefined =>
  cpu[tree] === undefined ? undefined : cpu[tree] / units

export const ratio = (value: number | undefined, floor: number | undefined): number | undefined =>
  value === undefined || floor === undefined ? undefined : value / floor

/** `samples` holds, for each name, its samples by round, the floor's first. */
export function presentSamples(columns: Column[], names: string[], samples: Sample[][]): string {
  const floor = samples[0]!
  const cell = ({ of, digits = 1 }: Column, rounds: Sample[]): string => {
    const values = rounds.map((sample, round) => of(sample, floor[round]!)).filter((value) => value !== undefined)
    return values.length === 0 ? '–' : presentNumber(median(values), digits)
  }
  const rows = names.map((name, index) => [name, ...columns.map((column) => cell(column, samples[index]!))])
  return presentTable(['', ...columns.map(({ title }) => title)], rows)
}

const presentNumber = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
