import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { isAlive } from '@jan/embedded/processes'
import type { Bench, Ingredient } from './part.ts'

export const cacheFolder = ({ REAL_PARTS_CACHE, XDG_CACHE_HOME }: NodeJS.ProcessEnv): string =>
  resolve(REAL_PARTS_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'jan-real-parts'))

/** The folder of an ingredient. */
export const placeOf = ({ cache }: Pick<Bench, 'cache'>, { name }: Ingredient): string => join(cache, name)

export const isCached = (bench: Pick<Bench, 'cache'>, ingredient: Ingredient): boolean =>
  existsSync(placeOf(bench, ingredient))

/** Made beside its place and moved there when whole: what was killed half-way never looks complete. */
export async function makeCached(bench: Bench, ingredient: Ingredient): Promise<void> {
  const place = placeOf(bench, ingredient)
  const unfinished = `${place}.unfinished-${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  try {
    await ingredient.make(bench, unfinished)
    // Another run may have been faster; what it made is as good.
    if (!existsSync(place)) renameSync(unfinished, place)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** Removes what killed runs left. */
export function sweep(cache: string): void {
  mkdirSync(cache, { recursive: true })
  for (const name of readdirSync(cache)) {
    const pid = /\.unfinished-(\d+)$/.exec(name)?.[1]
    if (pid && !isAlive(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true })
  }
}
