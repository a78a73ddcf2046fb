import { idsOf, lastWordsOf, type Operation } from './operation.ts'

/** Looks from outside at what was answered and what is there now. */
export type Judge = {
  /** What must be true, in a few words. */
  name: string
  judge(operations: Operation[]): Promise<Verdict> | Verdict
}

/** `violations` are sentences that name what was seen, and where. */
export type Verdict = { lookedAt: number; violations: string[] }

/** The verdict of one question put to each of a list; `problem` gives a sentence, or nothing. */
export async function judgeEach<T>(
  list: readonly T[],
  problem: (item: T) => Promise<string | undefined> | string | undefined,
): Promise<Verdict> {
  const violations: string[] = []
  const waiting = [...list]
  const work = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      const found = await problem(item)
      if (found !== undefined) violations.push(found)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { lookedAt: list.length, violations: violations.sort() }
}

const AT_ONCE = 8

/** Every operation was acknowledged within the client's retries. */
export const allSucceed: Judge = {
  name: 'every request succeeds within the retries',
  judge: (operations) =>
    judgeEach(operations, (operation) =>
      operation.acknowledgements.length > 0
        ? undefined
        : `${operation.id} was never answered: ${lastWordsOf(operation)}`,
    ),
}

export const oneIdEach: Judge = {
  name: 'a key has one id',
  judge: (operations) =>
    judgeEach(operations, (operation) => {
      const ids = idsOf(operation)
      return ids.length > 1 ? `${operation.id} was acknowledged as ${ids.join(' and as ')}` : undefined
    }),
}
