import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { SERVICE_KEY } from './media-service.ts'
import { sample } from './samples.ts'

/** A sound of any length: its header says that it goes on to the end. Another `seed` is another sound. */
export function* recording(bytes: number, seed = 1): Generator<Buffer> {
  const { bytes: wav } = sample('audio/wav')
  const head = Buffer.from(wav.subarray(0, 44))
  head.writeUInt32LE(bytes - 8, 4)
  head.writeUInt32LE(bytes - 44, 40)
  yield head
  const piece = Buffer.alloc(256 * 1024, seed)
  for (let left = bytes - 44; left > 0; left -= piece.length) yield piece.subarray(0, left)
}

/** Sends one in a form, no faster than it is taken. */
export async function sendRecording(url: string, bytes: number, seed = 1): Promise<{ status: number; id: string }> {
  const before =
    '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
  const after = '\r\n--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\nann\r\n--x--\r\n'
  const headers = {
    'content-type': 'multipart/form-data; boundary=x',
    'content-length': before.length + bytes + after.length,
    'x-media-service-key': SERVICE_KEY,
  }
  const upload = request(`${url}/v1/media`, { method: 'POST', headers })
  const answered = new Promise<IncomingMessage>((done, fail) => upload.once('response', done).once('error', fail))
  upload.write(before)
  for (const piece of recording(bytes, seed))
    if (!upload.write(piece)) await new Promise((done) => upload.once('drain', done))
  upload.end(after)
  const answer = await answered
  return { status: answer.statusCode!, id: JSON.parse(await text(answer)).id }
}
