import { banner } from './banner.ts'
import { statusTable } from './command-status.ts'
import { heedInterrupts } from './interrupted.ts'
import type { Layout } from './layout.ts'
import { type Platform, startPlatform } from './supervisor.ts'

/** The platform in the foreground: a table, things to try, and an orderly stop on Ctrl-C, also in the middle of the start. */
export async function start(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const began = Date.now()
  const signal = heedInterrupts()
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  const platform = await startPlatform(layout, env, { tell: (line) => console.error(line), signal })
  if (!platform) return console.log('Stopped before it was ready.')
  console.log(await statusTable(layout))
  console.log(
    `\nReady in ${((Date.now() - began) / 1000).toFixed(1)} s. ${adminLine(layout, platform.secrets, process.stdout.isTTY)}`,
  )
  console.log(banner(layout, env))
  console.log('Ctrl-C stops everything.')
  await stopped
  console.log('\nStopping …')
  await platform.stop()
  console.log('Stopped.')
}

/** Said once, to a person: never into a log. */
export function adminLine(
  layout: Pick<Layout, 'stateDir'>,
  secrets: Pick<Platform['secrets'], 'fresh' | 'identityAdminPassword'>,
  isForPerson: boolean,
): string {
  if (!secrets.fresh) return ''
  const place = `${layout.stateDir}/secrets.json`
  return isForPerson
    ? `The identity provider's admin is admin / ${secrets.identityAdminPassword} (said once; it is kept in ${place}).`
    : `The password of the identity provider's admin is in ${place}.`
}
