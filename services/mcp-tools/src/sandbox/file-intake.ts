import type { FileLimits, ProgramFile, ProgramOutcome } from './program.ts'

/** A path below a working folder: short, visible, and going nowhere else. */
const isPlainPath = (name: string): boolean =>
  name.length <= 200 &&
  !/[\p{C}\\]/u.test(name) &&
  name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')

type Left = ProgramOutcome['leftFiles'][number]

const sizeOf = (bytes: number): string => (bytes < 1 << 20 ? `${bytes} bytes` : `${bytes / (1 << 20)} MiB`)

/** How many names of files that are not taken are told. */
const MAX_TOLD = 20

/** Takes what a program says it wrote: within the limits, each name once, and under names that are harmless. */
export function createFileIntake({ maxFiles, maxFileBytes }: FileLimits) {
  const files = new Map<string, ProgramFile>()
  const left: Left[] = []
  let total = 0
  const tooMuch = `Too many files, or too large: at most ${maxFiles} are taken, of ${sizeOf(maxFileBytes)} together`
  const leave = ({ name, bytes }: Pick<Left, 'name' | 'bytes'>, reason = tooMuch) => {
    if (left.length < MAX_TOLD) left.push({ name: name.replace(/\p{C}/gu, '').slice(0, 200), bytes, reason })
  }
  return {
    add(name: string, bytes: Uint8Array): void {
      const file = { name, bytes: bytes.byteLength }
      if (!isPlainPath(name) || files.has(name)) leave(file, 'Its name is no plain path, or comes twice')
      else if (files.size >= maxFiles || total + file.bytes > maxFileBytes) leave(file)
      else {
        total += file.bytes
        files.set(name, { name, bytes })
      }
    },
    leave,
    files: () => [...files.values()],
    leftFiles: () => left,
  }
}
