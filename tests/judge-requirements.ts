import type { Citation } from './citations.ts'
import type { Requirement } from './requirements/row.ts'

/**
 * What is wrong between the requirements and the tests that cite them, one line each; nothing when all is well.
 * An open row may be cited: it is judged piece by piece, and that the pieces are the whole is for a person to say.
 */
export function judgeRequirements(rows: Requirement[], citations: Citation[]): string[] {
  const known = new Map(rows.map((row) => [row.id, row]))
  const cited = new Set(citations.map(({ id }) => id))
  return [
    ...rows.flatMap((row, index) => [
      ...problemsOf(row, cited.has(row.id)),
      ...(known.get(row.id) === row ? [] : [`${row.id} is given twice`]),
      ...orderProblem(row, rows[index - 1]),
    ]),
    ...citations
      .filter(({ id }) => !known.has(id))
      .map(({ id, file, title }) => `${id} does not exist, but ${file} cites it: ${title}`),
  ]
}

function problemsOf({ id, says, state }: Requirement, isCited: boolean): string[] {
  const shape = /^([HT]-\d{2,3}|[IMLPWBR]-\d{3})$/.test(id) && /^\S.*\.$/.test(says) ? [] : [`${id} is not well formed`]
  return [...shape, ...stateProblems(state, isCited).map((problem) => `${id} is ${problem}: ${says}`)]
}

function stateProblems(state: Requirement['state'], isCited: boolean): string[] {
  if (state === 'open') return []
  if (state === 'done') return isCited ? [] : ['done, but no test cites it']
  const [what, text] = 'refused' in state ? ['refused', state.refused] : ['shown by a command', state.shownBy]
  return [...(text ? [] : [`${what}, but not why or which`]), ...(isCited ? [`${what}, but a test cites it`] : [])]
}

function orderProblem(row: Requirement, before: Requirement | undefined): string[] {
  const [kind, number] = row.id.split('-')
  const [kindBefore, numberBefore] = before?.id.split('-') ?? []
  const follows = kind === kindBefore ? Number(number) > Number(numberBefore) : Number(number) === 1
  return follows ? [] : [`${row.id} is out of order after ${before?.id ?? 'nothing'}`]
}

/** `3 open: house 1, tools 2`, in the order of the list. */
export function countOpen(rows: Requirement[]): string {
  const open = rows.filter(({ state }) => state === 'open')
  const byRoom = [...Map.groupBy(open, ({ room }) => room)].map(([room, { length }]) => `${room} ${length}`)
  return `${open.length} open${open.length > 0 ? `: ${byRoom.join(', ')}` : ''}`
}

/** The open rows by room, a line each, and their count. */
export function openTable(rows: Requirement[]): string {
  const open = rows.filter(({ state }) => state === 'open')
  const rooms = [...Map.groupBy(open, ({ room }) => room)].map(([room, rowsOfRoom]) =>
    [room, ...rowsOfRoom.map(({ id, says, source }) => `  ${id.padEnd(6)} ${says} (${source})`)].join('\n'),
  )
  return `${[...rooms, countOpen(rows)].join('\n\n')}\n`
}
