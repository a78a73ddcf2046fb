import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { Secret } from '@jan/service-kit/config'
import { contentDisposition } from './content-disposition.ts'
import { exactBytes } from './exact-bytes.ts'
import type { Content, ObjectStorage } from './object-storage.ts'
import { usable } from './usable.ts'

export type S3StorageOptions = {
  endpoint?: string | undefined
  /** What signed URLs name instead, when clients reach the storage elsewhere than this service does. */
  publicEndpoint?: string | undefined
  region: string
  bucket: string
  accessKey: Secret
  secretKey: Secret
  usePathStyle: boolean
}

export type S3Storage = ObjectStorage & { close(): void }

export function createS3Storage(options: S3StorageOptions): S3Storage {
  const { bucket: Bucket, endpoint, publicEndpoint = endpoint } = options
  const client = createClient(options, endpoint)
  // The host is part of what is signed, so it must be the public one from the start; this client never connects.
  const signing = createClient(options, publicEndpoint)

  return {
    put: (Key, content, { type }) =>
      usable(async () => {
        const { body, failed } = bodyOf(content)
        const command = new PutObjectCommand({
          Bucket,
          Key,
          Body: body,
          ContentLength: content.length,
          ContentType: type,
        })
        await client.send(command, { abortSignal: failed }).catch((error: unknown) => {
          throw failed.aborted ? failed.reason : error
        })
      }),

    get: (Key, range) =>
      ifThere(async () => {
        const Range = range && `bytes=${range.start}-${range.end}`
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...(Range ? { Range } : {}) }))
        // The SDK's type covers browsers too; on Node a body is always a stream.
        return Body as Readable
      }),

    head: (Key) =>
      ifThere(async () => {
        const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket, Key }))
        return { bytes: ContentLength ?? 0 }
      }),

    delete: (Key) =>
      usable(async () => {
        await client.send(new DeleteObjectCommand({ Bucket, Key }))
      }),

    presign: (Key, { expiresInSeconds, type, filename }) =>
      getSignedUrl(
        signing,
        new GetObjectCommand({
          Bucket,
          Key,
          ResponseContentType: type,
          ResponseContentDisposition: contentDisposition(filename),
        }),
        { expiresIn: expiresInSeconds },
      ),

    check: async () => {
      await client.send(new HeadBucketCommand({ Bucket }))
    },

    close: () => {
      client.destroy()
      signing.destroy()
    },
  }
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function createClient(options: S3StorageOptions, endpoint: string | undefined): S3Client {
  const config: S3ClientConfig = {
    region: options.region,
    forcePathStyle: options.usePathStyle,
    credentials: { accessKeyId: options.accessKey.reveal(), secretAccessKey: options.secretKey.reveal() },
    // The SDK's own checksums end up in signed URLs and as trailers that many S3 servers refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 2,
    // Its failures reach us as errors; by itself it would also write them to the console.
    logger: silent,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 30_000 },
  }
  return new S3Client(endpoint ? { ...config, endpoint } : config)
}

/** The SDK waits forever for a stream that broke, so its failure must end the request. */
function bodyOf(content: Content): { body: Buffer | Readable; failed: AbortSignal } {
  const failure = new AbortController()
  if (Buffer.isBuffer(content)) return { body: content, failed: failure.signal }
  const body = Readable.from(exactBytes(content), { objectMode: false })
  body.once('error', (error) => failure.abort(error))
  return { body, failed: failure.signal }
}

async function ifThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
  return usable(async () => {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof S3ServiceException && (error.name === 'NoSuchKey' || error.name === 'NotFound'))
        return undefined
      throw error
    }
  })
}
