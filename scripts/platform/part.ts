/** Thrown where a part cannot be had on this machine: its suite is skipped, which is no failure. */
export class CannotBeHad extends Error {}

/** Thrown where a part does not build, start or pass; its message names the log. */
export class Broken extends Error {
  readonly log: string
  constructor(what: string, log: string) {
    super(`${what} (${log})`)
    this.log = log
  }
}

/** Something that is fetched or built once and kept in the cache under its name, which holds its version. */
export type Ingredient = {
  name: string
  /** Honest minutes for the first time, on two cores. */
  minutes: number
  /** Makes it inside the empty folder `into`; the cache takes the folder over only when this returns. */
  make(bench: Bench, into: string): Promise<void>
}

/** A real part, and the suite of ours that runs against it. */
export type Part = {
  name: string
  needs: Ingredient[]
  /** Minutes for its start and its suite, once everything it needs is cached. */
  minutes: number
  /** Test files, from the root of the checkout. */
  suite: string
  /** @throws CannotBeHad where it could not run, before anything is fetched for it */
  check?(): void
  /** Starts what the suite talks to. @returns the variables by which the suite finds it */
  start(bench: Bench): Promise<Record<string, string>>
}

/** Where a part is made and runs. */
export type Bench = {
  /** What is kept between runs. */
  cache: string
  /** Configuration and data of this run; anybody may enter it, and it is removed at the end. */
  work: string
  /** Logs of this part; they stay. */
  logs: string
  /** Aborted by Ctrl-C, and while something is being made also when there is no time left. */
  signal: AbortSignal
  /** How to stop what was started, in order of start. */
  running: (() => Promise<void>)[]
}
