const GOOD_FOR_MS = 5_000

/** One question for all who ask within five seconds: anyone may call /readyz, and a provider counts requests against our key. */
export function sharedCheck(check: () => Promise<unknown>, now: () => Date): () => Promise<unknown> {
  let askedAt = Number.NEGATIVE_INFINITY
  let answer: Promise<unknown> = Promise.resolve()
  return () => {
    if (now().getTime() - askedAt >= GOOD_FOR_MS) {
      askedAt = now().getTime()
      answer = check()
    }
    return answer
  }
}
