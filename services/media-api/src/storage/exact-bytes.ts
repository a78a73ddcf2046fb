import { invalid } from '@jan/service-kit/errors'

type Announced = { stream: AsyncIterable<Uint8Array>; length: number }

/** Passes a stream on. @throws AppError `invalid_request` when it is longer or shorter than was announced */
export async function* exactBytes({ stream, length }: Announced): AsyncGenerator<Uint8Array> {
  let total = 0
  for await (const chunk of stream) {
    total += chunk.byteLength
    if (total > length) throw invalid(`More than the announced ${length} bytes came`)
    yield chunk
  }
  if (total < length) throw invalid(`${total} bytes came where ${length} were announced`)
}
