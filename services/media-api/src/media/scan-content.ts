import { AppError, unavailable } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import type { Received } from './receive-content.ts'

/** Judges bytes: `true` when they may be kept. @throws when it cannot say */
export type Scanner = (content: AsyncIterable<Uint8Array>, type: string, signal: AbortSignal) => Promise<boolean>

/** Asks the scanner, if there is one. @throws AppError `unprocessable` for what it refuses, `unavailable` when it is away */
export async function scanContent(
  { scanner, storage }: Pick<Deps, 'scanner' | 'storage'>,
  { storageKey, type }: Pick<Received, 'storageKey' | 'type'>,
  signal: AbortSignal,
): Promise<void> {
  if (!scanner) return
  const content = await storage.get(storageKey)
  if (!content) throw unavailable('The stored bytes cannot be scanned right now')
  if (!(await scanner(content, type.mime, signal)))
    throw new AppError('unprocessable', 'The content was refused by the scanner of this server')
}

export type ScannerOptions = { url: string; timeoutMs: number }

/** A scanner behind HTTP: it is sent the bytes by POST, and answers 200 or 204 for good ones, 422 for bad ones. */
export const createScanner =
  ({ url, timeoutMs }: ScannerOptions): Scanner =>
  async (content, type, signal) => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': type },
        body: ReadableStream.from(content),
        duplex: 'half',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      await answer.body?.cancel()
      if (answer.ok || answer.status === 422) return answer.ok
      throw new Error(`the scanner answered ${answer.status}`)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw unavailable('Content cannot be scanned right now', error)
    }
  }
