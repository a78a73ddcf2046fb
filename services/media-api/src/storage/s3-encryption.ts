/** How S3 encrypts what it keeps; its bucket decides when absent. */
export type S3Encryption = {
  sse?: 'none' | 'AES256' | 'aws:kms' | undefined
  /** Only with aws:kms; the account's own key when absent. */
  kmsKeyId?: string | undefined
}

type Written = { ServerSideEncryption?: 'AES256' | 'aws:kms'; SSEKMSKeyId?: string }

/** What every request that writes says of it. */
export function writtenAs({ sse = 'none', kmsKeyId }: S3Encryption): Written {
  if (sse === 'none') return {}
  if (sse === 'AES256' || !kmsKeyId) return { ServerSideEncryption: sse }
  return { ServerSideEncryption: sse, SSEKMSKeyId: kmsKeyId }
}

/** The same as headers: signed with a URL, they must be sent with it. */
export function headersOf(encryption: S3Encryption): Record<string, string> {
  const { ServerSideEncryption, SSEKMSKeyId } = writtenAs(encryption)
  return {
    ...(ServerSideEncryption ? { 'x-amz-server-side-encryption': ServerSideEncryption } : {}),
    ...(SSEKMSKeyId ? { 'x-amz-server-side-encryption-aws-kms-key-id': SSEKMSKeyId } : {}),
  }
}
