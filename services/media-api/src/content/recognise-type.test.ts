import { randomBytes } from 'node:crypto'
import { AppError } from '@jan/service-kit/errors'
import { expect, test } from '@jest/globals'
import { docxParts, paragraph, pdf } from '../../test/documents.ts'
import { gif, png } from '../../test/images.ts'
import { avifByBrands, lateIndexMp4, soundInMp4, taggedMp3, webmSound } from '../../test/recordings.ts'
import { filledPng, sample, samples } from '../../test/samples.ts'
import { zip } from '../../test/zip-file.ts'
import { DOCX } from './media-type.ts'
import { type Claims, createRecogniser } from './recognise-type.ts'

/** What the bytes are found to be, or the code and the text of the refusal. */
async function recognise(bytes: Buffer | string, claims: Claims = {}, chunkBytes = 16_384): Promise<string> {
  const recogniser = createRecogniser(claims)
  const content = Buffer.from(bytes)
  try {
    for (let at = 0; at < content.length; at += chunkBytes) await recogniser.push(content.subarray(at, at + chunkBytes))
    return (await recogniser.end()).mime
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
}

test('every accepted type is recognised, whole or byte by byte, declared or not', async () => {
  for (const { mime, filename, bytes } of samples) {
    expect(await recognise(bytes, { filename })).toBe(mime)
    expect(await recognise(bytes, { filename, declared: 'application/octet-stream' }, 1)).toBe(mime)
    expect(await recognise(bytes, { declared: mime })).toBe(mime)
  }
})

test('a specific declared type that is another one is refused with both names', async () => {
  for (const { mime, bytes, filename } of samples) {
    const declared = mime === 'image/png' ? 'image/jpeg' : 'image/png'
    expect(await recognise(bytes, { filename, declared })).toBe(
      `unsupported_media_type: wrong declared type: ${declared} was declared, and this is ${mime}`,
    )
  }
  expect(await recognise(pdf(), { declared: 'text/plain' })).toMatch(
    /text\/plain was declared, and this is application\/pdf/,
  )
  expect(await recognise('not: json', { declared: 'application/json' })).toMatch(
    /application\/json was declared, and this is text\/plain/,
  )
  expect(await recognise('{"a":1}\nno\n', { declared: 'application/x-ndjson' })).toMatch(/x-ndjson was declared/)
  expect(await recognise('<!DOCTYPE html><p>', { declared: 'text/csv' })).toMatch(
    /text\/csv was declared, and this is text\/html/,
  )
})

test('declared types go by all their names, and unknown ones say nothing', async () => {
  expect(await recognise(png(), { declared: 'IMAGE/APNG; q=1' })).toBe('image/png')
  expect(await recognise(sample('audio/wav').bytes, { declared: 'audio/x-wav' })).toBe('audio/wav')
  expect(await recognise('# a', { declared: 'text/x-markdown; charset=utf-8' })).toBe('text/markdown')
  expect(await recognise(png(), { declared: 'application/vnd.ms-excel' })).toBe('image/png')
})

test('a container is what its tracks and brands make it', async () => {
  expect(await recognise(soundInMp4)).toBe('audio/mp4')
  expect(await recognise(soundInMp4, { declared: 'video/mp4' })).toBe('audio/mp4')
  expect(await recognise(webmSound, { declared: 'video/webm' })).toBe('audio/webm')
  expect(await recognise(avifByBrands, { declared: 'image/avif' })).toBe('image/avif')
  // Its index is not in sight: the sender may say which of the two it is.
  expect(await recognise(lateIndexMp4)).toBe('video/mp4')
  expect(await recognise(lateIndexMp4, { declared: 'audio/mp4' })).toBe('audio/mp4')
  expect(await recognise(taggedMp3)).toBe('audio/mpeg')
})

test('text is narrowed by name, declared type and content', async () => {
  expect(await recognise('a,b\n', { filename: 'table.CSV' })).toBe('text/csv')
  expect(await recognise('a,b\n', { filename: 'table.csv', declared: 'text/markdown' })).toBe('text/markdown')
  expect(await recognise('a,b\n', { filename: 'table.csv', declared: 'text/plain' })).toBe('text/csv')
  expect(await recognise('\uFEFF  [1, 2]')).toBe('application/json')
  expect(await recognise('\uFEFF  [1, 2')).toBe('text/plain')
  expect(await recognise('{', { filename: 'broken.json' })).toBe('text/plain')
  expect(await recognise('<!-- x -->\n<HTML>', { filename: 'a.txt' })).toBe('text/html')
  expect(await recognise('<?xml version="1.0"?><!DOCTYPE html><html>')).toBe('text/html')
  expect(await recognise(`[${'1,'.repeat(600_000)}`, { filename: 'large.json' })).toBe('application/json')
  expect(await recognise(`${'{"a":1}\n'.repeat(200_000)}`, { filename: 'large.jsonl' })).toBe('application/x-ndjson')
})

test('text may begin like something else, and must be UTF-8 without NUL to its last byte', async () => {
  for (const beginning of [
    'BM is a place',
    'GIF89a is a signature',
    'ID3 tags',
    'RIFF....WAVE',
    'MZ',
    'PK',
    'OggS',
    'fLaC',
  ])
    expect(await recognise(`${beginning} and more of it, much more.`)).toBe('text/plain')
  const long = Buffer.from('ü'.repeat(100_000))
  expect(await recognise(long, {}, 1001)).toBe('text/plain')
  expect(await recognise(long.subarray(0, -1), {}, 1001)).toMatch(/^unsupported_media_type: .*this is none of them$/)
  expect(await recognise(Buffer.concat([long, Buffer.from([0])]))).toMatch(/^unsupported/)
  expect(await recognise(Buffer.concat([long, Buffer.from([0xc0, 0xaf])]))).toMatch(/^unsupported/)
  expect(await recognise('')).toBe('invalid_request: The file is empty')
})

test('what a browser would run, and everything else, is refused by its name', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
  for (const beginning of [
    '',
    '\uFEFF',
    '<?xml version="1.0"?>\n',
    '<!-- <html> -->',
    '<!DOCTYPE svg PUBLIC "a" "b">',
    '<!DOCTYPE x [<!ENTITY a "b">]>',
  ])
    expect(await recognise(beginning + svg, { filename: 'a.txt', declared: 'text/plain' })).toMatch(
      /and this is image\/svg\+xml$/,
    )
  expect(await recognise(`<s:svg xmlns:s="x"/>`)).toMatch(/svg/)
  expect(await recognise('<?xml version="1.0"?><feed/>')).toMatch(/and this is application\/xml$/)
  expect(await recognise('{\\rtf1 hello}')).toMatch(/and this is application\/rtf$/)
  expect(await recognise(zip([{ name: 'a', content: Buffer.from('b') }]))).toMatch(/and this is application\/zip$/)
  expect(await recognise(Buffer.concat([Buffer.from('MZ'), randomBytes(500)]))).toMatch(
    /and this is application\/x-msdownload$/,
  )
  expect(await recognise(Buffer.from('\x1f\x8b\x08\0\0\0\0\0\0\x03', 'latin1'))).toMatch(/gzip/)
})

test('a picture behind something else is no picture', async () => {
  expect(await recognise(Buffer.concat([Buffer.from('\uFEFF'), png()]))).toMatch(/^unsupported/)
  expect(
    await recognise(Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\x0a', 'latin1'), Buffer.alloc(10), gif])),
  ).toMatch(/^unsupported/)
})

test('a Word document is known by its directory when its head is full of pictures', async () => {
  const picture = { name: 'word/media/a.png', content: randomBytes(200_000) }
  const other = { name: 'a.bin', content: randomBytes(200_000) }
  expect(await recognise(zip([picture, ...docxParts(paragraph('hi'))]))).toBe(DOCX)
  expect(await recognise(zip([other, ...docxParts(paragraph('hi'))]))).toBe(DOCX)
  expect(await recognise(zip([other]))).toMatch(/application\/zip$/)
})

test('the type of a binary file is known after its first 64 KiB, a wrong one is refused there', async () => {
  const large = filledPng(300_000)
  const recogniser = createRecogniser({})
  await recogniser.push(large.subarray(0, 65_535))
  expect(recogniser.type).toBeUndefined()
  await recogniser.push(large.subarray(65_535, 65_540))
  expect(recogniser.type?.mime).toBe('image/png')
  const text = createRecogniser()
  await text.push(Buffer.alloc(70_000, 'a'))
  expect([text.type, text.kind]).toEqual([undefined, 'text'])
  await expect(text.push(Buffer.alloc(1))).rejects.toMatchObject({ code: 'unsupported_media_type' })
  const lying = createRecogniser({ declared: 'text/csv' })
  await expect(lying.push(large)).rejects.toMatchObject({ code: 'unsupported_media_type' })
})

test('cut and scrambled files are judged or refused, and never break the judge', async () => {
  for (const { bytes, filename } of samples)
    for (let size = 1; size < bytes.length; size += Math.ceil(bytes.length / 24)) {
      expect(await recognise(bytes.subarray(0, size), { filename })).toMatch(/^(unsupported_media_type: |\w+\/)/)
      expect(await recognise(Buffer.concat([bytes.subarray(0, size), randomBytes(64)]), { filename })).toMatch(
        /^(unsupported_media_type: |\w+\/)/,
      )
    }
})

test('64 KiB of comments are read in one go', async () => {
  for (const text of [
    '<!-- -->'.repeat(9000),
    '<?xml?>'.repeat(9000),
    `<!DOCTYPE ${'x '.repeat(30_000)}`,
    '<!--'.repeat(16_000),
  ])
    expect(await recognise(text)).toMatch(/^(text\/plain|unsupported)/)
})
