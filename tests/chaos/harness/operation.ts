import { tryParseJson } from '@jan/service-kit/json-body'
import type { Answer, Outcome, Try } from './client.ts'

/** One thing that a client wanted, with all that it tried for it. */
export type Operation = {
  /** Names it everywhere: in its idempotency key, in its content, in what judges say. */
  id: string
  tries: Try[]
  /** Each answer of 2xx that the client could take for the end of it. */
  acknowledgements: Answer[]
}

/** `exchanges` are the tries of each time it was sent. */
export const operationOf = (id: string, ...exchanges: Try[][]): Operation => {
  const tries = exchanges.flat()
  return { id, tries, acknowledgements: tries.flatMap(({ outcome }) => (isGood(outcome) ? [outcome] : [])) }
}

export const isGood = (outcome: Outcome): outcome is Answer =>
  outcome.kind === 'answer' && outcome.status >= 200 && outcome.status < 300

/** Whether it had to be tried again, rather than only sent again. */
export const isRetried = ({ tries, acknowledgements }: Operation) => tries.length > Math.max(1, acknowledgements.length)

/** What a JSON answer says; undefined when it is none. */
export const jsonIn = ({ body }: { body: Buffer }) =>
  tryParseJson(body.toString()) as Record<string, unknown> | undefined

/** Under which ids it was acknowledged. */
export const idsOf = ({ acknowledgements }: Operation): string[] => [
  ...new Set(acknowledgements.map((answer) => String(jsonIn(answer)?.id))),
]

/** How the last try ended, in words. */
export function lastWordsOf({ tries }: Operation): string {
  const { outcome, endpoint } = tries.at(-1)!
  const what =
    outcome.kind === 'answer'
      ? `${outcome.status} ${outcome.body.toString().slice(0, 200)}`
      : `${outcome.kind}: ${outcome.why}`
  return `${tries.length} ${tries.length === 1 ? 'try' : 'tries'}, the last at ${endpoint}: ${what}`
}
