import { AppError, unavailable } from '@jan/service-kit/errors'

/** What a storage does not say on purpose is an outage of it, never the caller's mistake. */
export async function usable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AppError) throw error
    throw unavailable('The object storage cannot be used right now', error)
  }
}
