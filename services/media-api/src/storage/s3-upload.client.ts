import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { inParts, type Part } from './in-parts.ts'
import type { Content } from './object-storage.ts'
import type { PartBuffers } from './part-buffers.ts'
import { SOON } from './s3-connection.client.ts'

const MIB = 1024 * 1024
/** S3 takes 5 MiB or more, and 10,000 parts: an object may have 78 GiB. */
export const PART_BYTES = 8 * MIB
/** What is in memory anyway goes in one request up to here. */
const WHOLE_BYTES = 16 * MIB

type Target = Omit<PutObjectCommandInput, 'Body'>

/**
 * Sends what fits into a part in one request, and more in parts, one after the other, which are taken back when the
 * stream breaks. A request begins only when all it carries is here, with its hash: there are servers that keep what they
 * have got of one that was cut. The SDK's own `Upload` holds three times as much.
 * What a killed process leaves of parts is for the bucket's lifecycle rule (AbortIncompleteMultipartUpload).
 */
export async function uploadToS3(
  { client, buffers }: { client: S3Client; buffers: PartBuffers },
  target: Target,
  content: Content,
): Promise<void> {
  const isWhole = Buffer.isBuffer(content) && content.length <= WHOLE_BYTES
  let parts: S3Parts | undefined
  try {
    for await (const part of inParts(content, isWhole ? WHOLE_BYTES : PART_BYTES, buffers)) {
      if (part.isLast && !parts) {
        const put = new PutObjectCommand({ ...target, Body: part.bytes })
        await client.send(put, part.bytes.length <= MIB ? SOON : {})
      } else {
        parts ??= await beginParts(client, target)
        await parts.send(part)
      }
    }
    await parts?.complete()
  } catch (error) {
    // When this fails as well, the first failure is what is to be told.
    await parts?.abort().catch(() => undefined)
    throw error
  }
}

type S3Parts = { send(part: Part): Promise<void>; complete(): Promise<void>; abort(): Promise<void> }

async function beginParts(client: S3Client, target: Target): Promise<S3Parts> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target))
  const upload = { Bucket: target.Bucket, Key: target.Key, UploadId }
  const Parts: { ETag: string | undefined; PartNumber: number }[] = []
  return {
    send: async ({ bytes }) => {
      const PartNumber = Parts.length + 1
      const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body: bytes }))
      Parts.push({ ETag, PartNumber })
    },
    complete: async () => {
      await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
    },
    abort: async () => {
      await client.send(new AbortMultipartUploadCommand(upload))
    },
  }
}
