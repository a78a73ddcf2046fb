import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Layout } from './layout.ts'
import { logFileOf } from './supervisor.ts'

/** Follows the log of one part until Ctrl-C. @throws Error naming the parts there are */
export async function followLogs(layout: Layout, name: string | undefined): Promise<void> {
  const file = logFileOf(layout, name ?? '')
  if (!name || !existsSync(file)) {
    const folder = dirname(file)
    const known = existsSync(folder) ? readdirSync(folder).map((each) => each.replace(/\.log$/, '')) : []
    throw new Error(`Say which log: make logs S=${known.length > 0 ? known.join('|') : '… (nothing has run yet)'}`)
  }
  const tail = spawn('tail', ['-n', '100', '-f', file], { stdio: 'inherit' })
  process.once('SIGINT', () => tail.kill())
  await new Promise((done) => tail.once('exit', done))
}
