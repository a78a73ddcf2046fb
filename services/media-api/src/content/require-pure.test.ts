import { AppError } from '@jan/service-kit/errors'
import { expect, test } from '@jest/globals'
import { docx, pdf } from '../../test/documents.ts'
import { gif, jpeg, png } from '../../test/images.ts'
import { lateIndexMp4, mp4, wav } from '../../test/recordings.ts'
import { filledPng, sample, samples, turnedJpeg } from '../../test/samples.ts'
import { zip } from '../../test/zip-file.ts'
import { edgesOf } from './edges.ts'
import { mediaType } from './media-type.ts'
import { requirePure } from './require-pure.ts'

const archive = zip([{ name: 'evil.class', content: Buffer.from('evil') }])
const filler = (bytes: number) => Buffer.alloc(bytes, 0x2e)

/** `pure`, or the code and the text of the refusal. */
function judge(mime: string, ...parts: Buffer[]): string {
  try {
    requirePure(mediaType(mime), edgesOf(Buffer.concat(parts)))
    return 'pure'
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
}

test('the samples are pure, and large ones too', () => {
  for (const { mime, bytes } of samples) expect(`${mime} ${judge(mime, bytes)}`).toBe(`${mime} pure`)
  expect(judge('image/png', filledPng(1_000_000))).toBe('pure')
  expect(judge('image/jpeg', turnedJpeg(4, 3, 6))).toBe('pure')
  expect(judge('video/mp4', lateIndexMp4)).toBe('pure')
})

test('a file that is a ZIP archive, too, is refused, whatever it is otherwise', () => {
  for (const { mime, bytes } of samples.filter(({ bytes }) => bytes !== docx)) {
    expect(judge(mime, bytes, archive)).toMatch(/^unsupported_media_type: .*and a ZIP archive at once$/)
    expect(judge(mime, bytes, archive, filler(100))).toMatch(/ZIP archive/)
  }
  expect(judge('image/png', png(), zip([{ name: 'a', content: filler(1) }], filler(65_000)))).toMatch(/ZIP archive/)
  expect(judge('image/png', png(), zip([]))).toMatch(/ZIP archive/)
})

test('four bytes of a signature by chance are no archive', () => {
  const chance = Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), filler(40)])
  expect(judge('audio/mpeg', sample('audio/mpeg').bytes, chance)).toBe('pure')
  expect(judge('text/plain', Buffer.from('A record begins with PK\x05\x06.'))).toBe('pure')
})

test('a PDF inside something else, and something else before a PDF, is refused', () => {
  for (const { mime, bytes } of samples.filter(({ mime }) => !/pdf|^text|json/.test(mime)))
    expect(judge(mime, bytes.subarray(0, 12), pdf(), bytes)).toMatch(/^unsupported_media_type: .*and a PDF at once$/)
  expect(judge('application/pdf', filler(10), pdf())).toMatch(/^unsupported_media_type: .*before the beginning/)
  expect(judge('text/plain', Buffer.from('%PDF-1.7\n1 0 obj\n<< >>\nendobj\n'))).toMatch(/and a PDF at once$/)
  expect(judge('text/plain', Buffer.from('A PDF begins with %PDF-1.7.\n'))).toBe('pure')
})

test('a few KiB of padding may follow a picture, more may not', () => {
  for (const mime of ['image/png', 'image/gif', 'image/bmp', 'image/webp', 'audio/wav']) {
    const { bytes } = sample(mime)
    expect(judge(mime, bytes, Buffer.alloc(4096))).toBe('pure')
    expect(judge(mime, bytes, filler(5000))).toMatch(
      /^unsupported_media_type: .*5000 bytes of something else follow the end of this \w+$/,
    )
  }
  // A second end does not make what lies between them part of the picture.
  expect(judge('image/png', png(), filler(10_000), png().subarray(-12))).toMatch(/follow the end/)
})

test('a file without its end is cut off', () => {
  const cutOff = /^invalid_request: The file is cut off: this \w+ has no end$/
  const large = { png: filledPng(300_000), pdf: pdf(Array.from({ length: 200 }, () => 'text')) }
  const whole: [string, Buffer][] = [
    ['image/png', png()],
    ['image/png', large.png],
    ['image/gif', gif],
    ['image/jpeg', jpeg],
    ['image/jpeg', turnedJpeg(4, 3, 1)],
    ...['image/bmp', 'image/webp', 'image/avif', 'image/heic'].map((mime): [string, Buffer] => [
      mime,
      sample(mime).bytes,
    ]),
    ['audio/wav', wav],
    ['video/mp4', mp4],
    ['application/pdf', large.pdf],
    [sampleOfDocx.mime, docx],
  ]
  for (const [mime, bytes] of whole) {
    expect(`${mime} ${judge(mime, bytes.subarray(0, -10))}`).toMatch(
      new RegExp(`^${mime.replace('+', '\\+')} ${cutOff.source.slice(1)}`),
    )
    expect(judge(mime, bytes.subarray(0, Math.ceil(bytes.length * 0.7)))).toMatch(cutOff)
  }
  expect(judge('image/tiff', sample('image/tiff').bytes.subarray(0, 8))).toMatch(cutOff)
})

const sampleOfDocx = samples.find(({ bytes }) => bytes === docx)!

test('a preview in the header is not the end of a picture, and a film behind it is no mistake', () => {
  const [first, rest] = [turnedJpeg(4, 3, 1).subarray(0, 2), turnedJpeg(4, 3, 1).subarray(2)]
  const app1 = (body: Buffer) => Buffer.concat([Buffer.from([0xff, 0xe1, 0, body.length + 2]), body])
  const withPreview = Buffer.concat([first, app1(Buffer.concat([Buffer.from('Exif'), jpeg])), rest])
  expect(judge('image/jpeg', withPreview)).toBe('pure')
  expect(judge('image/jpeg', withPreview.subarray(0, -2))).toMatch(/cut off/)
  const motion = Buffer.concat([first, app1(Buffer.from('http://ns.google.com GCamera:MotionPhoto="1"')), rest])
  expect(judge('image/jpeg', motion, Buffer.alloc(100_000))).toBe('pure')
  expect(judge('image/jpeg', turnedJpeg(4, 3, 1), Buffer.alloc(100_000))).toMatch(/cut off/)
})

test('a WAV from a pipe does not know its length', () => {
  const piped = Buffer.from(wav)
  piped.writeUInt32LE(0xffffffff, 4)
  expect(judge('audio/wav', piped)).toBe('pure')
})
