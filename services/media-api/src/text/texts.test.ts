import { expect, test } from '@jest/globals'
import { packedBlanks } from '../../test/bombs.ts'
import { docxParts, lockedPdf, paragraph, pdf } from '../../test/documents.ts'
import { zip } from '../../test/zip-file.ts'
import { DOCX, mediaType } from '../content/media-type.ts'
import { createTextReader } from './text-reader.ts'
import { createTexts } from './texts.ts'

const NEVER = new AbortController().signal
const texts = createTexts()
const stored = (bytes: Buffer) => async () =>
  (async function* () {
    yield bytes
  })()
const inspect = (mime: string, bytes: Buffer) => texts.inspect(mediaType(mime), stored(bytes), NEVER)

test('the pages of a PDF are counted, other files have none', async () => {
  expect(await inspect('application/pdf', pdf(['one', 'two']))).toEqual({ pages: 2 })
  expect(await inspect(DOCX, zip(docxParts(paragraph('hi'))))).toEqual({ pages: null })
  expect(await inspect('text/plain', Buffer.from('a'))).toEqual({ pages: null })
})

test('a document that is locked, or too large to be read, has pages that nobody knows', async () => {
  expect(await inspect('application/pdf', lockedPdf)).toEqual({ pages: null })
  const small = createTexts(createTextReader({ maxInputBytes: 100 }))
  expect(await small.inspect(mediaType('application/pdf'), stored(pdf()), NEVER)).toEqual({ pages: null })
})

test('a bomb and a broken document are refused', async () => {
  const bomb = zip([...docxParts(paragraph('hi')), { name: 'word/a.bin', content: await packedBlanks(100) }])
  for (const [mime, bytes] of [
    [DOCX, bomb],
    ['application/pdf', Buffer.from('%PDF-1.7\n%%EOF')],
  ] as const)
    await expect(inspect(mime, bytes)).rejects.toMatchObject({ code: 'invalid_request' })
})

test('whoever gives up in the line has opened nothing', async () => {
  let isOpened = false
  const open = async () => {
    isOpened = true
    return undefined
  }
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(texts.inspect(mediaType('application/pdf'), open, signal)).rejects.toThrow('enough')
  expect(isOpened).toBe(false)
  await expect(texts.extract({ mime: 'text/plain' }, open, NEVER)).rejects.toMatchObject({ code: 'internal' })
})
