/** Both ends inclusive, counted from 0. */
export type ByteRange = { start: number; end: number }

/** Whole in memory, or a stream whose length is known beforehand. */
export type Content = Buffer | { stream: AsyncIterable<Uint8Array>; length: number }

export type PresignOptions = {
  expiresInSeconds: number
  /** What the URL answers as Content-Type. */
  type: string
  /** What a browser saves it as. */
  filename: string
}

/**
 * Where bytes are kept, by key (`images/jan_….png`: letters, digits, `_ - .`, folders with `/`).
 * Keys are never reused for other content. Every method throws AppError `unavailable` when the storage is away.
 */
export type ObjectStorage = {
  /** All or nothing: a reader never sees a part. */
  put(key: string, content: Content, options: { type: string }): Promise<void>
  /** undefined: no such object. The range must lie inside the object. */
  get(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined>
  /** undefined: no such object. */
  head(key: string): Promise<{ bytes: number } | undefined>
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>
  /** A URL that anyone may GET until it expires; the object need not exist yet. */
  presign(key: string, options: PresignOptions): Promise<string>
  /** Throws when the storage cannot be used. */
  check(): Promise<void>
}

const KEY = /^[A-Za-z0-9_-][\w.-]*(\/[A-Za-z0-9_-][\w.-]*)*$/

/** No empty segments and none that begins with a dot: a key can never leave its storage. */
export const isObjectKey = (text: string): boolean => text.length <= 512 && KEY.test(text)
