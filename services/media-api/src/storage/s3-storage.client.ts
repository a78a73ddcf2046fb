import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { contentDisposition } from './content-disposition.ts'
import { isObjectKey, type ObjectStorage, requireKey, type StoredObject } from './object-storage.ts'
import { createPartBuffers } from './part-buffers.ts'
import { createS3Connection, type S3ConnectionOptions, SOON } from './s3-connection.client.ts'
import { headersOf, type S3Encryption, writtenAs } from './s3-encryption.ts'
import { PART_BYTES, uploadToS3 } from './s3-upload.client.ts'
import { usable, usableEach } from './usable.ts'

export type S3StorageOptions = S3ConnectionOptions &
  S3Encryption & {
    endpoint?: string | undefined
    /**
     * What signed URLs name instead, when clients reach the storage elsewhere than this service does. Host and path are
     * signed, so whatever stands there must pass on both as they are.
     */
    publicEndpoint?: string | undefined
    bucket: string
    /** Uploads that hold a part in memory at the same time; the others wait, but for small ones. */
    partsAtOnce: number
    /** Objects in one answer of a list; as many as the server likes (1,000) when absent. */
    pageSize?: number | undefined
  }

export type S3Storage = ObjectStorage & { close(): void }

/** CopyObject copies at once what is below 5 GiB. More is out of reach of an upload here, so `move` knows no parts. */
export function createS3Storage(options: S3StorageOptions): S3Storage {
  const { bucket: Bucket, endpoint, publicEndpoint = endpoint } = options
  const client = createS3Connection(options, endpoint)
  // The host is part of what is signed, so it must be the public one from the start; this client never connects.
  const signing = createS3Connection(options, publicEndpoint)
  const buffers = createPartBuffers(options.partsAtOnce, PART_BYTES)
  const at = (key: string) => ({ Bucket, Key: requireKey(key) })

  return {
    put: (key, content, { type }) =>
      usable(() => uploadToS3({ client, buffers }, { ...at(key), ContentType: type, ...writtenAs(options) }, content)),

    get: (key, range) =>
      ifThere(async () => {
        const Range = range && `bytes=${range.start}-${range.end}`
        const { Body } = await client.send(new GetObjectCommand({ ...at(key), Range }), SOON)
        // The SDK's type covers browsers too; on Node a body is always a stream.
        return usableEach(Body as AsyncIterable<Uint8Array>)
      }),

    head: (key) =>
      ifThere(async () => {
        const { ContentLength = 0, ETag = '' } = await client.send(new HeadObjectCommand(at(key)), SOON)
        return { bytes: ContentLength, etag: ETag.replace(/^W\/|"/g, '') }
      }),

    move: async (from, to, { type }) => {
      const moved = await ifThere(async () => {
        const source = at(from)
        // Onto itself it would only be deleted.
        if (from === to) return client.send(new HeadObjectCommand(source), SOON)
        const copied = { CopySource: `${Bucket}/${from}`, MetadataDirective: 'REPLACE', ContentType: type } as const
        await client.send(new CopyObjectCommand({ ...at(to), ...copied, ...writtenAs(options) }))
        return client.send(new DeleteObjectCommand(source), SOON)
      })
      return moved !== undefined
    },

    delete: (key) =>
      usable(async () => {
        await client.send(new DeleteObjectCommand(at(key)), SOON)
      }),

    list: (folder) => usableEach(objectsIn(client, { Bucket, folder, pageSize: options.pageSize })),

    presign: async (key, { expiresInSeconds, type, filename, isInline }) =>
      getSignedUrl(
        signing,
        new GetObjectCommand({
          ...at(key),
          ResponseContentType: type,
          ResponseContentDisposition: contentDisposition(filename, isInline),
          ResponseCacheControl: `private, max-age=${expiresInSeconds}`,
        }),
        { expiresIn: expiresInSeconds },
      ),

    presignPut: async (key, { expiresInSeconds, type, bytes }) => ({
      url: await getSignedUrl(
        signing,
        new PutObjectCommand({ ...at(key), ContentType: type, ContentLength: bytes, ...writtenAs(options) }),
        // By itself the SDK leaves the type open, which would let anyone change it.
        { expiresIn: expiresInSeconds, signableHeaders: new Set(SIGNED_OF_A_PUT) },
      ),
      headers: { 'content-type': type, ...headersOf(options) },
    }),

    check: async () => {
      await client.send(new HeadBucketCommand({ Bucket }), SOON)
    },

    close: () => {
      client.destroy()
      signing.destroy()
    },
  }
}

const SIGNED_OF_A_PUT = ['host', 'content-type', 'content-length']

type Listing = { Bucket: string; folder: string; pageSize: number | undefined }

/** What somebody else has put there under a name that is no key of ours is left out. */
async function* objectsIn(client: S3Client, { Bucket, folder, pageSize }: Listing): AsyncGenerator<StoredObject> {
  const pages = paginateListObjectsV2({ client, pageSize }, { Bucket, Prefix: `${requireKey(folder)}/` }, SOON)
  for await (const { Contents = [] } of pages)
    for (const { Key = '', Size: bytes = 0, LastModified: modifiedAt = new Date(0) } of Contents)
      if (isObjectKey(Key)) yield { key: Key, bytes, modifiedAt }
}

function ifThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
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
