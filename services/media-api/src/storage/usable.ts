import { AppError, unavailable } from '@jan/service-kit/errors'

/** What a storage does not say on purpose is an outage of it, never the caller's mistake. */
export async function usable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asOutage(error)
  }
}

/** The same for what comes bit by bit. */
export async function* usableEach<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items
  } catch (error) {
    throw asOutage(error)
  }
}

const asOutage = (error: unknown): AppError =>
  error instanceof AppError ? error : unavailable('The object storage cannot be used right now', error)
