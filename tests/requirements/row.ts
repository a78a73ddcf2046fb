export type Requirement = {
  id: string
  says: string
  /** Where the promise comes from. */
  source: string
  /** The part of the product that fulfils it. */
  room: Room
  /** `shownBy`: done, but no test can assert it (times, sizes, other machines); the command shows it. */
  state: 'done' | 'open' | { shownBy: string } | { refused: string }
}

export type Room =
  | 'house'
  | 'tools'
  | 'identity'
  | 'media'
  | 'llm-api'
  | 'mcp-tools'
  | 'response-api'
  | 'deployment'
  | 'watching'
  | 'console'
  | 'suites'
  | 'proof'

type Row = Omit<Requirement, 'source' | 'room'>

export const done = (id: string, says: string): Row => ({ id, says, state: 'done' })
export const shown = (id: string, says: string, shownBy: string): Row => ({ id, says, state: { shownBy } })
export const open = (id: string, says: string): Row => ({ id, says, state: 'open' })
export const refused = (id: string, says: string, why: string): Row => ({ id, says, state: { refused: why } })
export const from = (source: string, room: Room, ...rows: Row[]): Requirement[] =>
  rows.map((row) => ({ ...row, source, room }))
