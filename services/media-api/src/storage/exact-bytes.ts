import { AppError, invalid } from '@jan/service-kit/errors'

type Announced = { stream: AsyncIterable<Uint8Array>; length?: number | undefined }

/** Passes a stream on. @throws AppError `invalid_request` when it is longer or shorter than was announced, if it was */
export async function* exactBytes({ stream, length }: Announced): AsyncGenerator<Uint8Array> {
  let total = 0
  for await (const chunk of stream) {
    total += chunk.byteLength
    if (length !== undefined && total > length) throw invalid(`More than the announced ${length} bytes came`)
    yield chunk
  }
  if (length !== undefined && total < length) throw invalid(`${total} bytes came where ${length} were announced`)
}

/** Passes a stream on. @throws AppError `payload_too_large` when it is longer than `most` bytes */
export async function* atMostBytes(stream: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let total = 0
  for await (const chunk of stream) {
    total += chunk.byteLength
    if (total > most) throw new AppError('payload_too_large', `At most ${most} bytes may be sent`)
    yield chunk
  }
}
