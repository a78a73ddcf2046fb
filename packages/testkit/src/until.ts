/**
 * Looks again, every 20 ms, until there is something to see: anything but `false`, `undefined` and `null`.
 * @throws Error after `ms`, and at once what `look` throws
 */
export async function until<T>(look: () => T | Promise<T>, ms = 20_000): Promise<Exclude<T, false | undefined | null>> {
  for (const deadline = Date.now() + ms; Date.now() < deadline; ) {
    const seen = await look()
    if (seen !== false && seen !== undefined && seen !== null) return seen as Exclude<T, false | undefined | null>
    await new Promise((done) => setTimeout(done, 20))
  }
  throw new Error(`the condition was not met within ${ms} ms`)
}
