import { PLANTS, type Plant, type Scenario } from './scenario.ts'

export type Options = {
  scenarios: Scenario[]
  seed: number
  faults: number
  plant: Plant | undefined
  write: boolean
}

/** What the caller got wrong, in one line. */
export class BadOption extends Error {}

const MOST_FAULTS = 10_000
const LARGEST_SEED = 2 ** 32 - 1

/** @throws BadOption */
export function readOptions(source: NodeJS.ProcessEnv, all: Scenario[], newSeed: () => number): Options {
  const plant = readPlant(source.PLANT)
  const chosen = chooseScenarios(source.ONLY, all)
  const scenarios = plant === undefined ? chosen : chosen.filter(({ plants }) => plants.includes(plant))
  if (scenarios.length === 0) throw new BadOption(`PLANT=${plant} cannot be planted in ${source.ONLY}`)
  const write = readFlag('WRITE', source.WRITE)
  if (write && plant !== undefined) throw new BadOption('WRITE=1 does not go with PLANT: a planted bug is no result')
  return {
    scenarios,
    seed: readNumber('SEED', source.SEED, { least: 0, most: LARGEST_SEED }) ?? newSeed(),
    faults: readNumber('FAULTS', source.FAULTS, { least: 0, most: MOST_FAULTS }) ?? 10,
    plant,
    write,
  }
}

function chooseScenarios(only: string | undefined, all: Scenario[]): Scenario[] {
  if (!only) return all
  return only.split(',').flatMap((wanted) => {
    const found = all.filter(({ name }) => name === wanted || name.startsWith(`${wanted}:`))
    if (found.length > 0) return found
    throw new BadOption(`ONLY: there is no scenario '${wanted}'; there are ${all.map(({ name }) => name).join(', ')}`)
  })
}

function readPlant(text: string | undefined): Plant | undefined {
  if (!text) return undefined
  const plant = PLANTS.find((name) => name === text)
  if (!plant) throw new BadOption(`PLANT: '${text}' is none of ${PLANTS.join(', ')}`)
  return plant
}

function readFlag(name: string, text: string | undefined): boolean {
  if (text && !['0', '1'].includes(text)) throw new BadOption(`${name}: '${text}' is neither 1 nor 0`)
  return text === '1'
}

function readNumber(name: string, text: string | undefined, { least, most }: { least: number; most: number }) {
  if (!text) return undefined
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new BadOption(`${name}: '${text}' is no whole number from ${least} to ${most}`)
}
