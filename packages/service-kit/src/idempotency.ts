import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { type Answer, empty, type Headers, isAnswer, json } from './answer.ts'
import type { RequestHeaders } from './auth.ts'
import { AppError, invalid } from './errors.ts'
import type { FieldCipher } from './field-encryption.ts'
import {
  type AskedKey,
  createIdempotencyKeys,
  type IdempotencyKeys,
  type KeyTimes,
  type KnownKey,
} from './idempotency-keys.ts'
import { idsFrom, type newId } from './ids.ts'
import type { Logger } from './logger.ts'

export type IdempotentRequest = AskedKey & { log: Logger }

/** What every try with one key has in common. */
export type Origin = {
  /** Makes the same ids in every try. */
  newId: typeof newId
  /** When the first try began. */
  startedAt: Date
}

export type IdempotentWork = {
  /** Does it, and answers. */
  act: (origin: Origin) => Promise<unknown>
  /** Tells again what cannot be kept as an answer: streams. */
  replay?: (origin: Origin) => Promise<unknown>
}

/**
 * Each key is acted for by one at a time, and answered once. A failure, thrown or answered, answers nothing: the next
 * try acts again. So does the next one after a process died, once its claim's lease has run out. Both get the ids of
 * the try before, which may have come as far as storing its thing: what `act` makes under an id of `Origin.newId` it
 * must expect to find there already, and then answer with that.
 */
export type Idempotency = {
  /**
   * @throws AppError `conflict` while another try is under way, `unprocessable` when the key came with another request,
   * and what `act` or the database throws: then the key is not answered
   */
  once(request: IdempotentRequest, work: IdempotentWork): Promise<unknown>
}

export type IdempotencyStore = Idempotency & Pick<IdempotencyKeys, 'forgetOld' | 'forgetWorkspace'>

const DAY_MS = 86_400_000

export type IdempotencyOptions = { pool: Pool; cipher: FieldCipher } & Partial<KeyTimes>

/** Keys in the service's own PostgreSQL, of which `prepareDatabase` has made the table (docs/adr/0027). */
export function createIdempotency({
  pool,
  cipher,
  leaseMs = 10_000,
  keepMs = DAY_MS,
}: IdempotencyOptions): IdempotencyStore {
  const keys = createIdempotencyKeys(pool, { leaseMs, keepMs })

  const retell = async (request: IdempotentRequest, { replay }: IdempotentWork): Promise<unknown> => {
    const known = await keys.find(request)
    if (known && known.fingerprint !== request.fingerprint)
      throw new AppError('unprocessable', 'This Idempotency-Key came with another request before')
    if (!known?.answer)
      throw new AppError('conflict', 'A request with this Idempotency-Key is under way', {
        headers: { 'retry-after': '2' },
      })
    const kept = JSON.parse(cipher.decrypt(known.answer, placeOf(request))) as Kept
    if (kept !== 'replayed') return marked(rebuild(kept))
    if (!replay) throw new Error('The first answer was a stream, and the route cannot replay it any more')
    return marked(await replay(originOf(known, request)))
  }

  return {
    forgetOld: keys.forgetOld,
    forgetWorkspace: keys.forgetWorkspace,
    once: async (request, work) => {
      const claim = await keys.claim(request)
      if (!claim) return retell(request, work)
      const warn = (error: unknown) =>
        request.log.warn({ err: error }, 'the claim of an idempotency key was not updated')
      const renewing = setInterval(() => void keys.renew(claim).catch(warn), leaseMs / 3)
      const settle = (kept: Kept) => keys.settle(claim, cipher.encrypt(JSON.stringify(kept), placeOf(request)))
      // If that fails too, the lease runs out.
      const release = () => keys.release(claim).catch(warn)
      let goesOn: Promise<unknown> | undefined
      try {
        const result = await work.act(originOf(claim, request))
        const kept = keep(result, work)
        if (kept === 'replayed') goesOn = workBehind(result)?.then(() => settle(kept).catch(warn), release)
        if (goesOn) return result
        if (kept !== 'replayed' && kept.status >= 400) await keys.release(claim)
        // Taken over while this process was stopped: the other's answer stands.
        else if (!(await settle(kept))) return await retell(request, work)
        return result
      } catch (error) {
        await release()
        throw error
      } finally {
        void Promise.resolve(goesOn).then(() => clearInterval(renewing))
      }
    },
  }
}

/** Another request that came after a failure gets other ids: it must not find what the failed one may have left. */
const originOf = ({ seed, startedAt }: Pick<KnownKey, 'seed' | 'startedAt'>, { fingerprint }: AskedKey): Origin => ({
  newId: idsFrom(`${seed} ${fingerprint}`),
  startedAt,
})

const placeOf = ({ owner, key }: AskedKey) =>
  `idempotency_key.answer:${JSON.stringify([owner.workspaceId, owner.subject, key])}`

/** An answer as it is stored, `value` as it stands on the wire. */
type KeptAnswer = { status: number; headers: Headers; value?: string }
type Kept = KeptAnswer | 'replayed'

function keep(result: unknown, { replay }: IdempotentWork): Kept {
  if (!isAnswer(result)) return { status: 200, headers: {}, value: JSON.stringify(result) }
  switch (result.kind) {
    case 'json':
      return { status: result.status, headers: result.headers, value: JSON.stringify(result.value) }
    case 'empty':
      return { status: result.status, headers: result.headers }
    case 'redirect':
      return { status: 302, headers: { location: result.url } }
    default:
      if (!replay) throw new Error(`An idempotent route answered with ${result.kind}, which needs replay`)
      return 'replayed'
  }
}

const workBehind = (result: unknown) => (isAnswer(result) && 'work' in result ? result.work : undefined)

const rebuild = ({ value, ...head }: KeptAnswer): Answer =>
  value === undefined ? empty(head) : json(JSON.parse(value), head)

const marked = (answer: unknown): unknown =>
  isAnswer(answer) && 'headers' in answer
    ? { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } }
    : answer

const KEY = /^[\x21-\x7e]{1,255}$/

/** @throws AppError `invalid_request` for a key that is no 1 to 255 visible ASCII characters */
export function readIdempotencyKey(headers: RequestHeaders): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (!KEY.test(key)) throw invalid('Idempotency-Key must be 1 to 255 visible ASCII characters')
  return key
}

export const fingerprintOf = (operation: string, url: string, body: Buffer | undefined): string =>
  createHash('sha256')
    .update(`${operation} ${url}\n`)
    .update(body ?? '')
    .digest('base64')
