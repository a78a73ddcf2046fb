export type HeldContent = {
  push(chunk: Uint8Array): void
  /** Everything that was pushed; undefined when it was more than may be held. */
  readonly content: Buffer | undefined
  /** Lets go of it. */
  release(): void
}

/** Holds at most so many bytes of a stream, however small its chunks are. */
export function createHeldContent(most: number): HeldContent {
  let held: Buffer | undefined = Buffer.alloc(0)
  let length = 0
  return {
    push(chunk) {
      if (!held) return
      if (length + chunk.length > most) held = undefined
      else {
        if (length + chunk.length > held.length)
          held = Buffer.concat([held], Math.min(most, Math.max(16_384, 2 * (length + chunk.length))))
        held.set(chunk, length)
        length += chunk.length
      }
    },
    get content() {
      return held?.subarray(0, length)
    },
    release() {
      held = undefined
    },
  }
}
