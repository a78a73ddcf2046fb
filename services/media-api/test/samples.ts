import { crc32 } from 'node:zlib'
import { docx, pdf } from './documents.ts'
import { bmp, gif, jpeg, png, webp } from './images.ts'
import { avif, flac, heic, m4a, mp3, mp4, ogg, wav, webmFilm, webmSound } from './recordings.ts'

export type Sample = { mime: string; filename: string; bytes: Buffer; width?: number; height?: number }

const text = (content: string) => Buffer.from(content)

/** Three pixels wide and two high, as far as its directory says. */
const tiff = Buffer.from(
  '49492a0008000000' + '0200' + '000103000100000003000000' + '010103000100000002000000' + '00000000',
  'hex',
)

/** A small file of every type that is accepted. */
export const samples: Sample[] = [
  { mime: 'image/png', filename: 'a.png', bytes: png(), width: 1, height: 1 },
  { mime: 'image/jpeg', filename: 'a.jpg', bytes: jpeg },
  { mime: 'image/webp', filename: 'a.webp', bytes: webp, width: 1, height: 1 },
  { mime: 'image/gif', filename: 'a.gif', bytes: gif, width: 1, height: 1 },
  { mime: 'image/bmp', filename: 'a.bmp', bytes: bmp, width: 1, height: 1 },
  { mime: 'image/tiff', filename: 'a.tiff', bytes: tiff, width: 3, height: 2 },
  { mime: 'image/avif', filename: 'a.avif', bytes: avif, width: 20, height: 10 },
  { mime: 'image/heic', filename: 'a.heic', bytes: heic, width: 40, height: 30 },
  { mime: 'application/pdf', filename: 'a.pdf', bytes: pdf() },
  {
    mime: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    filename: 'a.docx',
    bytes: docx,
  },
  { mime: 'text/plain', filename: 'a.txt', bytes: text('Grüße, plain and simple.\n') },
  { mime: 'text/markdown', filename: 'a.md', bytes: text('# Title\n\n- one\n- two\n') },
  { mime: 'text/html', filename: 'a.html', bytes: text('<!doctype html><title>t</title><h1>Title</h1>') },
  { mime: 'text/csv', filename: 'a.csv', bytes: text('name,count\nüber,1\n') },
  { mime: 'application/json', filename: 'a.json', bytes: text('{"a": [1, "ü"]}') },
  { mime: 'application/x-ndjson', filename: 'a.jsonl', bytes: text('{"a":1}\n{"a":2}\n') },
  { mime: 'audio/wav', filename: 'a.wav', bytes: wav },
  { mime: 'audio/mpeg', filename: 'a.mp3', bytes: mp3 },
  { mime: 'audio/mp4', filename: 'a.m4a', bytes: m4a },
  { mime: 'audio/ogg', filename: 'a.ogg', bytes: ogg },
  { mime: 'audio/flac', filename: 'a.flac', bytes: flac },
  { mime: 'audio/webm', filename: 'a.webm', bytes: webmSound },
  { mime: 'video/mp4', filename: 'a.mp4', bytes: mp4 },
  { mime: 'video/webm', filename: 'b.webm', bytes: webmFilm },
]

/** The sample of this type. */
export const sample = (mime: string): Sample => samples.find((known) => known.mime === mime)!

/** A PNG of exactly this many bytes, at least 100: a chunk of nobody's fills it. */
export function filledPng(size: number): Buffer {
  const small = png()
  const filler = Buffer.alloc(size - small.length)
  filler.writeUInt32BE(filler.length - 12)
  filler.write('fiLl', 4, 'latin1')
  filler.writeUInt32BE(crc32(filler.subarray(4, -4)), filler.length - 4)
  return Buffer.concat([small.subarray(0, -12), filler, small.subarray(-12)])
}

/** A JPEG of this size, turned as its EXIF data say (1 is upright, 6 lies on its side). */
export function turnedJpeg(width: number, height: number, orientation: number): Buffer {
  const exif = Buffer.from(
    `457869660000${'4d4d002a00000008'}0001${'0112000300000001'}00${orientation.toString(16).padStart(2, '0')}000000000000`,
    'hex',
  )
  const frame = Buffer.from('080000000003012200021101031101', 'hex')
  frame.writeUInt16BE(height, 1)
  frame.writeUInt16BE(width, 3)
  const scan = Buffer.from('03010002110311003f00', 'hex')
  const segment = (marker: number, body: Buffer) => {
    const start = Buffer.from([0xff, marker, 0, 0])
    start.writeUInt16BE(body.length + 2, 2)
    return Buffer.concat([start, body])
  }
  const parts = [Buffer.from('ffd8', 'hex'), segment(0xe1, exif), segment(0xc0, frame), segment(0xda, scan)]
  return Buffer.concat([...parts, Buffer.alloc(16, 0x55), Buffer.from('ffd9', 'hex')])
}
