/** A token is renewed this long before it ends, so that none ends on its way. */
const RENEW_BEFORE_MS = 30_000

/** One token for all, fetched by the first who needs it while the others wait. */
export function cachedToken(now: () => Date, fetchToken: () => Promise<{ token: string; seconds: number }>) {
  let current: { token: string; until: number } | undefined
  let underWay: Promise<string> | undefined
  const renew = async () => {
    const { token, seconds } = await fetchToken()
    current = { token, until: now().getTime() + seconds * 1000 - RENEW_BEFORE_MS }
    return token
  }
  return {
    get: async (): Promise<string> => {
      if (current && current.until > now().getTime()) return current.token
      underWay ??= renew().finally(() => {
        underWay = undefined
      })
      return underWay
    },
    forget: () => {
      current = undefined
    },
  }
}
