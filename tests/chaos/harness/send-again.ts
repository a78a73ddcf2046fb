import type { Client, Request, Try } from './client.ts'
import type { Random } from './random.ts'

/** Mostly once; some are sent again after their answer, some twice at the same time. @returns the tries of each sending */
export async function sendOnceOrTwice(client: Client, request: Request, random: Random): Promise<Try[][]> {
  const send = () => client.send(request)
  const way = random.next()
  if (way < 0.1) return Promise.all([send(), send()])
  const first = await send()
  return way < 0.3 ? [first, await send()] : [first]
}
