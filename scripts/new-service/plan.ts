import { databaseVariableOf, envPrefixOf, subjectOf } from '@jan/embedded/services'
import { type House, problemOf } from './check-name.ts'

/** Everything that is decided about a new service before the first file is written. */
export type Plan = {
  /** Its folder, its host and its package: `billing-api`. */
  name: string
  /** What it is about: `billing`. Its paths begin with `/v1/billing`, its operations hold `billing`. */
  subject: string
  port: number
  /** `billing_api` */
  database: string
  /** `BILLING_API` */
  envPrefix: string
  /** `BILLING_DATABASE_URL` */
  databaseVariable: string
}

/** The template has the port before. */
const FIRST_PORT = 8191

/** A name that cannot be had; the message says why in one line. */
export class BadName extends Error {}

/** @throws BadName */
export function planService(name: string, house: House): Plan {
  const problem = problemOf(name, house)
  if (problem) throw new BadName(problem)
  return {
    name,
    subject: subjectOf(name),
    port: nextPort(Object.values(house.ports)),
    database: name.replaceAll('-', '_'),
    envPrefix: envPrefixOf(name),
    databaseVariable: databaseVariableOf(name),
  }
}

function nextPort(taken: number[]): number {
  let port = FIRST_PORT
  while (taken.includes(port)) port += 1
  return port
}
