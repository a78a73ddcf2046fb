import { AppError } from '@jan/service-kit/errors'

/** Both ends inclusive, counted from 0. */
export type ByteRange = { start: number; end: number }

/** Whole in memory, or a stream; with `length` it must be exactly that long. */
export type Content = Buffer | { stream: AsyncIterable<Uint8Array>; length?: number | undefined }

export type PresignOptions = {
  expiresInSeconds: number
  /** What the URL answers as Content-Type. */
  type: string
  /** What a browser saves it as. */
  filename: string
  /** Whether a browser may show it; else it only saves it. */
  isInline: boolean
}

export type PresignPutOptions = {
  expiresInSeconds: number
  /** The Content-Type that must be sent. */
  type: string
  /** The Content-Length that must be sent, when it is known. */
  bytes?: number | undefined
}

/**
 * Where and how to send the bytes of one object: PUT to `url` with exactly these headers. Content-Length is not among
 * them, though it may be bound: every HTTP client makes it of the body, and browsers let nobody else set it.
 */
export type PresignedPut = { url: string; headers: Record<string, string> }

/** `modifiedAt`: since when it is under this key. */
export type StoredObject = { key: string; bytes: number; modifiedAt: Date }

/**
 * Where bytes are kept, by key (`media/jan_….png`: letters, digits, `_ - .`, folders with `/`).
 * Keys are never reused for other content, but for those that a URL lets somebody PUT: until it expires they may send
 * again, and what they sent before is replaced. What is to be believed is moved to another key first, then read.
 * Every method throws AppError `unavailable` when the storage is away.
 */
export type ObjectStorage = {
  /** All or nothing: a reader never sees a part. @throws AppError `invalid_request` when a stream has another length than it should */
  put(key: string, content: Content, options: { type: string }): Promise<void>
  /** undefined: no such object. The range must lie inside the object. */
  get(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined>
  /** undefined: no such object. `etag` (without quotes) is another one whenever the content is. */
  head(key: string): Promise<{ bytes: number; etag: string } | undefined>
  /**
   * The object under another key, and no longer under this one. When it fails, both may be there, and it may be tried again.
   * @returns false when there is no such object
   */
  move(from: string, to: string, options: { type: string }): Promise<boolean>
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>
  /** Every object whose key begins with `folder/`, in no particular order. */
  list(folder: string): AsyncIterable<StoredObject>
  /** A URL that anyone may GET until it expires; the object need not exist yet. */
  presign(key: string, options: PresignOptions): Promise<string>
  /** A URL that anyone may PUT this one object to until it expires. */
  presignPut(key: string, options: PresignPutOptions): Promise<PresignedPut>
  /** Throws when the storage cannot be used. */
  check(): Promise<void>
}

const KEY = /^[A-Za-z0-9_-][\w.-]*(\/[A-Za-z0-9_-][\w.-]*)*$/

/** No empty segments and none that begins with a dot: a key can never leave its storage. */
export const isObjectKey = (text: string): boolean => text.length <= 512 && KEY.test(text)

/** @throws AppError `internal`: keys are made by us, so a bad one is our mistake */
export function requireKey(key: string): string {
  if (!isObjectKey(key)) throw new AppError('internal', 'Internal server error', { cause: new Error(`bad key ${key}`) })
  return key
}
