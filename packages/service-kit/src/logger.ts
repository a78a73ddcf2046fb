import { type Logger as Pino, pino } from 'pino'
import pretty from 'pino-pretty'

export type Logger = Pino

export type LogOptions = {
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  /** `console` is for people: one readable line. `auto` is `console` on a terminal and `json` elsewhere. */
  format: 'json' | 'console' | 'auto'
}

/** Never in a log, whatever a caller hands over: credentials, and what people said. */
const SECRETS = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'api_key',
  'apiKey',
  'client_secret',
  'x-api-key',
  'messages',
  'prompt',
  'input',
]
const redact = {
  paths: SECRETS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `headers["${name}"]`]),
  censor: '[redacted]',
}

/** undici's error of an answer that is no HTTP carries what came of it, which may be private. */
const serializers = {
  err: (error: unknown) => {
    const told = pino.stdSerializers.err(error as Error)
    if (!(error instanceof Error) || error.name !== 'HTTPParserError') return told
    const { data: _said, ...rest } = told
    return rest
  },
}

/** A write for each line would cost as much as the rest of a small request: lines gather, but not for long. */
const GATHERED = { fd: 1, sync: false, minLength: 49_152, maxWrite: 65_536, periodicFlush: 100 }

/** Structured logs on standard output, written in the background at most 100 ms later; `run` (lifecycle.ts) flushes the last ones. */
export function createLogger(name: string, options: LogOptions): Logger {
  const readable = options.format === 'console' || (options.format === 'auto' && process.stdout.isTTY)
  const settings = { name, level: options.level, redact, serializers, base: { service: name } }
  return readable
    ? pino(
        settings,
        pretty({
          ignore: 'pid,hostname,service,name',
          translateTime: 'SYS:HH:MM:ss.l',
          messageFormat: `${name}: {msg}`,
        }),
      )
    : pino(settings, pino.destination(GATHERED))
}

/** A logger that drops everything, for tests and tools. */
export const silentLogger: Logger = pino({ level: 'silent' })

/** For lines whose every field we name ourselves: nothing has to be looked for and hidden. */
export const unredacted = (log: Logger): Logger => log.child({}, { redact: [] })
