import { existsSync, realpathSync } from 'node:fs'
import type { Logger } from '@jan/service-kit/logger'
import type { Config } from '../config.ts'
import type { Sandbox } from './program.ts'
import { createSandbox } from './sandbox.ts'
import { createSandboxFusion } from './sandbox-fusion.client.ts'

/** For each of stdout, stderr, result and error. */
const MAX_OUTPUT_BYTES = 64 << 10
/** A hundred at once of one person wait their turn; the line has room for others, too. */
const LINE = { maxQueue: 512, maxQueueOfOne: 128, longestWaitMs: 90_000 }
const FILES = { maxFiles: 10, maxFileBytes: 10 << 20 }

/** The sandbox that the operator chose; a URL of SandboxFusion chooses that. */
export function openSandbox(config: Config['sandbox'], log: Logger): Sandbox {
  const { provider, fusionUrl, fusionTimeoutMs } = config
  const limits = { ...FILES, ...LINE, maxOutputBytes: MAX_OUTPUT_BYTES }
  if (fusionUrl === undefined || provider === 'local')
    return createSandbox({ ...config, ...limits, log, wheelsDir: findWheels(config.wheelsDir, log) })
  log.info({ url: fusionUrl }, 'programs run in SandboxFusion')
  return createSandboxFusion({ ...limits, url: fusionUrl, timeoutMs: fusionTimeoutMs })
}

function findWheels(folder: string | undefined, log: Logger): string | undefined {
  if (folder === undefined || existsSync(folder)) return folder && realpathSync(folder)
  log.warn({ folder }, 'SANDBOX_WHEELS_DIR names a folder that is not there; programs have the standard library')
  return undefined
}
