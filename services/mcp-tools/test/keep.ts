import { afterEach } from '@jest/globals'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})

/** Closes it after the test, the last one first. */
export const keep = <T extends { close(): Promise<void> }>(thing: T): T => {
  opened.push(thing)
  return thing
}
