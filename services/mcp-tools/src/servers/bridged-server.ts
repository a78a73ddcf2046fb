import type { Logger } from '@jan/service-kit/logger'
import { createCallServer } from './call-server.ts'
import { type Access, connectServer, type ServerConnection } from './connect-server.client.ts'
import { needsLogin, reasonOf } from './server-errors.ts'
import type { ServerHttp } from './server-http.client.ts'
import type { ServerSpec } from './server-spec.ts'
import type { ToolPinStore } from './tool-pins.store.ts'
import { createToolShelf, type ToolShelf } from './tool-shelf.ts'

export type Health = {
  state: 'idle' | 'connecting' | 'ready' | 'down' | 'needs_login'
  since: Date
  /** Why it is down, in our own words. */
  reason: string | undefined
}

/** How long things take, in ms, and how much is read, in bytes. */
export type BridgeLimits = {
  greetMs: number
  /** How old a list of tools may be before it is asked for again, unasked. */
  freshMs: number
  firstRetryMs: number
  longestRetryMs: number
  maxBytes: number
}

export type BridgedServerDeps = {
  http: ServerHttp
  pins: ToolPinStore
  log: Logger
  now: () => Date
  random: () => number
  /** Looks of names that no tool of a server may have. */
  ours: ReadonlySet<string>
  /** What is offered is other than before: for everyone, or for one workspace. */
  onNews(workspaceId: string | undefined): void
  limits: BridgeLimits
}

/** One server, as it is reached for everyone, or for one person. It is greeted when it is first wanted. */
export type BridgedServer = Pick<ToolShelf, 'tools' | 'version' | 'judged'> & {
  /** Wants its tools. @returns what to wait for while it is asked for the first time, undefined afterwards */
  wake(): Promise<void> | undefined
  health(): Health
  /** An admin has accepted something, somewhere. */
  lookAtPins(): Promise<void>
  /** Somebody has logged in. */
  retry(): void
  close(): Promise<void>
}

export function createBridgedServer(deps: BridgedServerDeps, spec: ServerSpec, access?: Access): BridgedServer {
  const life = createLife(deps, spec, access)
  const { shelf, health, connect, check } = life
  return {
    wake: () => {
      const { state } = health()
      if (state === 'idle' || state === 'connecting') return connect()
      if (state === 'ready' && life.age() > deps.limits.freshMs) check()
      return undefined
    },
    tools: shelf.tools,
    version: shelf.version,
    judged: shelf.judged,
    health,
    lookAtPins: async () => {
      if (health().state === 'ready') await shelf.lookAtPins()
    },
    retry: () => {
      if (health().state === 'needs_login') void connect()
    },
    close: life.close,
  }
}

/** From one greeting to the next: how a server is, and when it is asked again. */
function createLife(deps: BridgedServerDeps, spec: ServerSpec, access: Access | undefined) {
  const { http, limits, now } = deps
  const log = deps.log.child({ server: spec.id })
  let health: Health = { state: 'idle', since: now(), reason: undefined }
  let connection: ServerConnection | undefined
  let connecting: Promise<void> | undefined
  let checking: Promise<void> | undefined
  let isStale = false
  let listedAt = 0
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const become = (state: Health['state'], reason?: string) => {
    if (health.state !== state) log.info({ state, reason }, 'the state of an MCP server has changed')
    health = { state, since: health.state === state ? health.since : now(), reason }
  }
  const load = async (from: ServerConnection) => {
    await shelf.put(await from.list(spec.maxTools, limits.greetMs))
    listedAt = now().getTime()
  }
  const fail = async (error: unknown) => {
    const lost = connection
    connection = undefined
    shelf.clear()
    await lost?.close().catch(() => undefined)
    if (closed) return
    become(needsLogin(error) ? 'needs_login' : 'down', reasonOf(error))
    log.debug({ err: error }, 'an MCP server could not be used')
    clearTimeout(timer)
    if (health.state === 'needs_login') return
    // Half of it by chance, so that replicas do not come back all at once.
    const pause = Math.min(limits.firstRetryMs * 2 ** Math.min(failures++, 16), limits.longestRetryMs)
    timer = setTimeout(() => void connect(), pause * (0.5 + deps.random() / 2)).unref()
  }
  const greet = async () => {
    clearTimeout(timer)
    if (closed) return
    if (health.state === 'idle') become('connecting')
    const on = { changed: check, trouble: check, lost: () => void fail(new Error('The connection ended')) }
    const { greetMs: timeoutMs, maxBytes } = limits
    try {
      const made = await connectServer(http, { spec, access, timeoutMs, maxBytes, on })
      connection = made
      await load(made)
      if (closed) return await made.close()
      failures = 0
      become('ready')
    } catch (error) {
      await fail(error)
    }
  }
  const connect = (): Promise<void> => {
    connecting ??= http.outside(greet).finally(() => {
      connecting = undefined
    })
    return connecting
  }
  /** Asks for the tools again; what comes up meanwhile is asked once more afterwards, not many times. */
  const check = () => {
    isStale = true
    if (checking || health.state !== 'ready' || closed) return
    const asked = connection
    const again = async () => {
      while (isStale && asked && asked === connection && !closed) {
        isStale = false
        await load(asked)
        if (isStale) await new Promise((resolve) => setTimeout(resolve, 200).unref())
      }
    }
    checking = http
      .outside(again)
      // One that was let go meanwhile fails, of course.
      .catch((error: unknown) => (asked === connection ? fail(error) : undefined))
      .finally(() => {
        checking = undefined
      })
  }
  const line = { http, spec, maxBytes: limits.maxBytes, connection: () => connection, doubt: check, fail, connect }
  const shelf = createToolShelf(deps, spec, createCallServer(line))
  return {
    shelf,
    connect,
    check,
    health: () => health,
    /** Milliseconds since it told its tools. */
    age: () => now().getTime() - listedAt,
    close: async () => {
      closed = true
      clearTimeout(timer)
      shelf.clear()
      await connection?.close().catch(() => undefined)
    },
  }
}
