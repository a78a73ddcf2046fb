import { presentPage } from '@jan/service-kit/page'

/** A list whose ends are texts even when it is empty: older clients, and the types of OpenAI's, read them as such. */
export function presentRows<T extends { id: string }>(rows: T[], limit: number) {
  const { first_id, last_id, ...page } = presentPage(rows, limit)
  return { ...page, first_id: first_id ?? '', last_id: last_id ?? '' }
}
