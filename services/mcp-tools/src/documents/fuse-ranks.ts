/** Of the paper on reciprocal-rank fusion (Cormack, Clarke, Büttcher 2009): how little the first places stand out. */
const K = 60

/**
 * Several orders of the same things as one: each list gives what it has 1 / (60 + place). The score is of 0 to 1,
 * where 1 is first in every list. Ties keep the order of the first list.
 */
export function fuseRanks<T>(lists: readonly (readonly T[])[]): { item: T; score: number }[] {
  const scores = new Map<T, number>()
  for (const list of lists)
    for (const [place, item] of list.entries()) scores.set(item, (scores.get(item) ?? 0) + 1 / (K + place + 1))
  const best = lists.length / (K + 1)
  return [...scores].map(([item, sum]) => ({ item, score: sum / best })).sort((one, other) => other.score - one.score)
}
