/** Why the text of a file cannot be had. */
export const REASONS = {
  protected: 'it is protected by a password',
  damaged: 'it is damaged, or not built as such a file should be',
  bomb: 'it unfolds to far more than it should',
  pages: 'it has too many pages',
  size: 'it is too large',
  memory: 'reading it takes too much memory',
  time: 'reading it takes too long',
} as const

export type Reason = keyof typeof REASONS

/** Thrown where a file is read; the service answers with an AppError that has this as its cause. */
export class Unreadable extends Error {
  override name = 'Unreadable'
  readonly reason: Reason

  constructor(reason: Reason, message: string = REASONS[reason]) {
    super(message)
    this.reason = reason
  }
}
