import { cpus } from 'node:os'

/** What measured, and when, without a name of this machine. */
export const presentMachine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.versions.node}; ${new Date().toISOString().slice(0, 10)}`
