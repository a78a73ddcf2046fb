/** Sounds and films of a moment, built of the parts that their formats are made of. */

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const box = (type: string, ...content: (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(content.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body])
}

const track = (handler: 'vide' | 'soun') =>
  box('trak', box('mdia', box('hdlr', u32(0), u32(0), handler, Buffer.alloc(12), '\0')))

const movie = (brand: string, ...tracks: Buffer[]) =>
  Buffer.concat([
    box('ftyp', brand, u32(512), brand, 'isom'),
    box('moov', box('mvhd', Buffer.alloc(100)), ...tracks),
    box('mdat', Buffer.alloc(64)),
  ])

export const mp4 = movie('isom', track('soun'), track('vide'))
export const m4a = movie('M4A ', track('soun'))
/** Sound in a container whose brand does not say so: what browsers record. */
export const soundInMp4 = movie('iso5', track('soun'))
/** Its index stands at the end, so the head does not tell. */
export const lateIndexMp4 = Buffer.concat([
  box('ftyp', 'isom', u32(512), 'isom'),
  box('mdat', Buffer.alloc(128 * 1024)),
  box('moov', track('vide')),
])

/** A picture in a box: HEIC or AVIF of this size. */
const boxedPicture = (brand: string, width: number, height: number) =>
  Buffer.concat([
    box('ftyp', brand, u32(0), 'mif1', brand),
    box(
      'meta',
      u32(0),
      box('hdlr', u32(0), u32(0), 'pict', Buffer.alloc(12), '\0'),
      box('iprp', box('ipco', box('ispe', u32(0), u32(width), u32(height)))),
    ),
    box('mdat', Buffer.alloc(32)),
  ])
export const heic = boxedPicture('heic', 40, 30)
export const avif = boxedPicture('avif', 20, 10)
/** AVIF whose first brand is the general one. */
export const avifByBrands = Buffer.concat([
  box('ftyp', 'mif1', u32(0), 'mif1', 'avif'),
  avif.subarray(avif.readUInt32BE(0)),
])

export const wav: Buffer = (() => {
  const samples = Buffer.alloc(80)
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(36 + samples.length, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(8000, 24)
  header.writeUInt32LE(8000, 28)
  header.writeUInt16LE(1, 32)
  header.writeUInt16LE(8, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(samples.length, 40)
  return Buffer.concat([header, samples])
})()

const mp3Frame = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(413)])
export const mp3 = Buffer.concat([mp3Frame, mp3Frame, mp3Frame])
/** With a tag before it, as most are. */
export const taggedMp3 = Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\x0a', 'latin1'), Buffer.alloc(10), mp3])

const streamInfo = Buffer.from('100010000000000000000000ac442f000000000'.padEnd(68, '0'), 'hex')
export const flac = Buffer.concat([Buffer.from('fLaC\x80\0\0\x22', 'latin1'), streamInfo, Buffer.alloc(16)])

export const ogg = Buffer.concat([
  Buffer.from('OggS\0\x02', 'latin1'),
  Buffer.alloc(20),
  Buffer.from([1, 19]),
  Buffer.from('OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0', 'latin1'),
])

const element = (id: string, content: Buffer | string): Buffer => {
  const body = typeof content === 'string' ? Buffer.from(content, 'latin1') : content
  return Buffer.concat([Buffer.from(id, 'hex'), Buffer.from([0x80 | body.length]), body])
}
const webm = (...trackTypes: number[]) =>
  Buffer.concat([
    element('1a45dfa3', element('4282', 'webm')),
    // A segment of unknown length, as browsers record it.
    Buffer.from('18538067' + '01ffffffffffffff', 'hex'),
    element('1549a966', element('4d80', 'test')),
    element('1654ae6b', Buffer.concat(trackTypes.map((type) => element('ae', element('83', Buffer.from([type])))))),
    Buffer.from('1f43b67501ffffffffffffff', 'hex'),
    Buffer.alloc(16),
  ])
export const webmSound = webm(2)
export const webmFilm = webm(2, 1)
