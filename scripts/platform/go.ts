import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireCommands, run } from './command.ts'
import type { Bench, Ingredient } from './part.ts'

const ENV = { CGO_ENABLED: '0', GOFLAGS: '' }

export type GoProgram = {
  module: string
  version: string
  /** Folder of the program inside the module; the module itself when left out. */
  path?: string
  minutes: number
  /** Variables that are set at link time. */
  set?: Record<string, string>
  /** Further lines of the go.mod that it is built under. */
  goMod?: (bench: Bench) => Promise<string>
}

/** A program of a published Go module, built by Go's own client; the cached folder holds it under its own name. */
export function goProgram({ module, version, path, minutes, set = {}, goMod }: GoProgram): Ingredient {
  const program = path ? `${module}/${path}` : module
  const name = program.split('/').at(-1)!
  return {
    name: `${name}-${version}`,
    minutes,
    make: async (bench, into) => {
      const cwd = join(bench.work, `go-${name}`)
      mkdirSync(cwd)
      writeFileSync(join(cwd, 'go.mod'), `module jan.local/${name}\n\n${(await goMod?.(bench)) ?? ''}`)
      await run(bench, 'go', ['get', `${program}@${version}`], { label: `${name}-get`, cwd, env: ENV, isFetch: true })
      const linked = Object.entries(set).map(([variable, value]) => `-X ${variable}=${value}`)
      await buildGo(bench, { cwd, program, output: join(into, name), flags: ['-s', ...linked] })
    },
  }
}

type Build = { cwd: string; program: string; output: string; flags?: string[] }

export function buildGo(bench: Bench, { cwd, program, output, flags = ['-s'] }: Build): Promise<void> {
  const label = `${output.split('/').at(-1)}-build`
  return run(bench, 'go', ['build', '-trimpath', '-ldflags', flags.join(' '), '-o', output, program], {
    label,
    cwd,
    env: ENV,
  })
}

/** The folder of a published module's sources, in Go's own cache. */
export async function goModule(bench: Bench, module: string, version: string): Promise<string> {
  requireCommands('go')
  const label = `${module.split('/').at(-1)}-download`
  await run(bench, 'go', ['mod', 'download', '-json', `${module}@${version}`], {
    label,
    cwd: bench.work,
    env: ENV,
    isFetch: true,
  })
  return (JSON.parse(readFileSync(join(bench.logs, `${label}.log`), 'utf8')) as { Dir: string }).Dir
}

/** Runs a program of a published module that makes sources: nothing of it is kept. */
export const goRun = (bench: Bench, program: string, args: string[], cwd: string): Promise<void> =>
  run(bench, 'go', ['run', program, ...args], {
    label: `${program.split('/').at(-1)!.replace(/@.*/, '')}-run`,
    cwd,
    env: ENV,
    isFetch: true,
  })
