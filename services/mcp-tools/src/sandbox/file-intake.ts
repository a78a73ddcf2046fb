import type { FileLimits, ProgramFile, ProgramOutcome } from './program.ts'

/** A path below a working folder: short, visible, and going nowhere else. */
const isPlainPath = (name: string): boolean =>
  name.length <= 200 &&
  !/[\p{C}\\]/u.test(name) &&
  name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')

/** How many names of files that are not taken are told. */
const MAX_TOLD = 20

/** Takes what a program says it wrote: within the limits, each name once, and under names that are harmless. */
export function createFileIntake({ maxFiles, maxFileBytes }: FileLimits) {
  const files = new Map<string, ProgramFile>()
  const left: ProgramOutcome['leftFiles'] = []
  let total = 0
  const leave = (file: ProgramOutcome['leftFiles'][number]) => {
    if (left.length < MAX_TOLD) left.push({ name: file.name.replace(/\p{C}/gu, '').slice(0, 200), bytes: file.bytes })
  }
  return {
    add(name: string, bytes: Uint8Array): void {
      const fits = files.size < maxFiles && total + bytes.byteLength <= maxFileBytes
      if (fits && isPlainPath(name) && !files.has(name)) {
        total += bytes.byteLength
        files.set(name, { name, bytes })
      } else leave({ name, bytes: bytes.byteLength })
    },
    leave,
    files: () => [...files.values()],
    leftFiles: () => left,
  }
}
