/** Something the service talks to. Only a required one makes it unready; the others are named as degraded. */
export type Dependency = { name: string; required: boolean; check: () => Promise<unknown> }

export type Readiness =
  | { status: 'ready'; degraded: string[] }
  | { status: 'unavailable'; failing: string[]; degraded: string[] }

const CHECK_MS = 1500

/** Asks all dependencies at once; a check that takes longer than 1.5 s has failed. */
export async function checkReadiness(dependencies: Dependency[], draining: boolean): Promise<Readiness> {
  const failed = await Promise.all(dependencies.map(async (each) => ((await answers(each)) ? undefined : each)))
  const names = (required: boolean) => failed.flatMap((each) => (each?.required === required ? [each.name] : []))
  const failing = [...(draining ? ['shutting down'] : []), ...names(true)]
  const degraded = names(false)
  return failing.length > 0 ? { status: 'unavailable', failing, degraded } : { status: 'ready', degraded }
}

async function answers(dependency: Dependency): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('too slow')), CHECK_MS)
  })
  try {
    await Promise.race([dependency.check(), late])
    return true
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}
