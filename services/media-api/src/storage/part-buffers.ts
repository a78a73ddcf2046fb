/** Memory for the parts of uploads: no more than so many buffers at a time, however many ask for one. */
export type PartBuffers = {
  /** Of each. */
  readonly bytes: number
  /** Whether somebody stands in line. */
  readonly isWaitedFor: boolean
  /** First come, first served; what is in it is of whoever had it before. */
  take(): Promise<Buffer>
  /** @param buffer undefined: it is lost, because somebody may still read from it */
  giveBack(buffer: Buffer | undefined): void
}

export function createPartBuffers(most: number, bytes: number): PartBuffers {
  const waiting: ((buffer: Buffer) => void)[] = []
  let taken = 0
  let spare: Buffer | undefined
  // Outside of Node's pool, and not touched before it is filled.
  const fresh = () => Buffer.allocUnsafeSlow(bytes)
  return {
    bytes,
    get isWaitedFor() {
      return waiting.length > 0
    },
    take: async () => {
      if (taken === most) return new Promise((resolve) => waiting.push(resolve))
      taken += 1
      const buffer = spare ?? fresh()
      spare = undefined
      return buffer
    },
    giveBack: (buffer) => {
      const next = waiting.shift()
      if (next) return next(buffer ?? fresh())
      taken -= 1
      // One is kept for the next upload; the others are only needed in a rush.
      spare ??= buffer
    },
  }
}
