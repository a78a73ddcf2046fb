/** Runs one at a time. Who calls during a run shares the next one with others: what they want to see may come too late for this one. */
export function joined(run: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined
  let next: Promise<void> | undefined
  return () => {
    if (next) return next
    const start = () => {
      next = undefined
      current = run().finally(() => {
        if (!next) current = undefined
      })
      return current
    }
    if (!current) return start()
    next = current.then(start, start)
    return next
  }
}
