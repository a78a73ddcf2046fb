/** By nearest rank: the smallest of sorted values that this share of them does not exceed. Undefined for no values. */
export const quantile = (sorted: ArrayLike<number>, share: number): number | undefined =>
  sorted[Math.ceil(share * sorted.length) - 1]
