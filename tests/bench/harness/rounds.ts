/** A B C, then B C A, then C A B, …: whatever drifts on the machine meets everybody alike. */
const orderOf = <T>(round: number, contestants: T[]): T[] => {
  const first = round % contestants.length
  return [...contestants.slice(first), ...contestants.slice(0, first)]
}

/**
 * Measures every contestant once in each round. A round before them, the warm-up, does not count.
 * @returns for each contestant, in the order given, its samples by round
 */
export async function runRounds<C, S>(
  rounds: number,
  contestants: C[],
  measure: (contestant: C, isCounted: boolean) => Promise<S>,
): Promise<S[][]> {
  const samples = new Map<C, S[]>(contestants.map((contestant) => [contestant, []]))
  for (let round = 0; round <= rounds; round += 1)
    for (const contestant of orderOf(round, contestants)) {
      const sample = await measure(contestant, round > 0)
      if (round > 0) samples.get(contestant)!.push(sample)
    }
  return [...samples.values()]
}
