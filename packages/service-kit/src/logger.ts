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

/** Structured logs on standard output; lines are written in the background; `run` (lifecycle.ts) flushes the last ones. */
export function createLogger(name: string, options: LogOptions): Logger {
  const readable = options.format === 'console' || (options.format === 'auto' && process.stdout.isTTY)
  const settings = { name, level: options.level, redact, base: { service: name } }
  return readable
    ? pino(
        settings,
        pretty({
          ignore: 'pid,hostname,service,name',
          translateTime: 'SYS:HH:MM:ss.l',
          messageFormat: `${name}: {msg}`,
        }),
      )
    : pino(settings, pino.destination({ fd: 1, sync: false }))
}

/** A logger that drops everything, for tests and tools. */
export const silentLogger: Logger = pino({ level: 'silent' })
