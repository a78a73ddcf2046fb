import { S3Client } from '@aws-sdk/client-s3'
import type { Secret } from '@jan/service-kit/config'

export type S3ConnectionOptions = {
  region: string
  accessKey: Secret
  secretKey: Secret
  usePathStyle: boolean
}

/**
 * For what is answered at once: the longest wait for the head of an answer, of which there are two. Bytes have no such
 * limit, neither those sent nor those read, as long as they flow.
 */
export const SOON = { requestTimeout: 15_000 }

/** Longest silence on a connection, in ms. A reader who reads nothing for that long must ask for the rest anew. */
const SILENCE_MS = 60_000

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** @param endpoint with its path, if it has one; AWS itself when absent */
export const createS3Connection = (options: S3ConnectionOptions, endpoint: string | undefined): S3Client =>
  new S3Client({
    region: options.region,
    forcePathStyle: options.usePathStyle,
    credentials: { accessKeyId: options.accessKey.reveal(), secretAccessKey: options.secretKey.reveal() },
    // The SDK's own checksums end up in signed URLs and as trailers that many S3 servers refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 2,
    // Its failures reach us as errors; by itself it would also write them to the console.
    logger: silent,
    requestHandler: {
      connectionTimeout: 2_000,
      socketTimeout: SILENCE_MS,
      // Else a limit is only a line on the console.
      throwOnRequestTimeout: true,
      logger: silent,
      // A slow reader holds a connection: with a limit, as many of them as it allows would be an outage for all others.
      httpAgent: { maxSockets: Infinity },
      httpsAgent: { maxSockets: Infinity },
    },
    ...(endpoint ? { endpoint } : {}),
  })
