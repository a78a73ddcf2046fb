import { readdirSync } from 'node:fs'
import type { Scenario } from './scenario.ts'

const FOLDER = new URL('../scenarios/', import.meta.url)

/** Every scenario there is: one file each in `scenarios/`. */
export async function loadScenarios(): Promise<Scenario[]> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'))
  const modules = await Promise.all(files.map((file) => import(new URL(file, FOLDER).href)))
  return modules.map(({ scenario }: { scenario: Scenario }) => scenario)
}
