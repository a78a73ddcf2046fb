import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import { docx, docxParts, paragraph, pdf } from '../../test/documents.ts'
import { zip } from '../../test/zip-file.ts'
import { DOCX } from '../content/media-type.ts'
import { createTextReader } from './text-reader.ts'

const reader = createTextReader()
const read = (mime: string, bytes: Buffer | string, maxTextBytes = 10_000) =>
  reader.extractText({ mime, bytes: Buffer.from(bytes) }, { maxTextBytes })

test('a PDF is read page by page, with an empty line between two pages', async () => {
  const two = pdf(['First page', 'Second page'])
  expect(await read('application/pdf', two)).toEqual({ text: 'First page\n\nSecond page', truncated: false })
  expect(await reader.countPages({ bytes: two })).toBe(2)
})

test('a Word document keeps its headings, lists and tables', async () => {
  expect(await read(DOCX, docx)).toEqual({
    text: 'A heading\n\nGrüße aus dem Dokument.\n\nName | Count',
    truncated: false,
  })
  await reader.requireSafeArchive({ bytes: docx })
})

test('a page of HTML is read as people see it', async () => {
  const html = `<!doctype html><html><head><title>t</title><style>p { color: red }</style></head><body>
    <h1>Title</h1><script>alert("no")</script><p>A <a href="https://a.example/">link</a>,
    a <img src="x.png" alt="picture"> &amp; more.</p><ul><li>one</li><li>two</li></ul>
    <table><thead><tr><th>Name</th><th>Count</th></tr></thead><tbody><tr><td><p>a</p><p>b</p></td><td>1</td></tr></tbody></table>
    <noscript>no</noscript></body></html>`
  const text = 'Title\n\nA link, a picture & more.\n\n- one\n- two\n\nName | Count\na b | 1'
  expect(await read('text/html', html)).toEqual({ text, truncated: false })
})

test('what is text already is cleaned, and cut between two characters', async () => {
  for (const mime of ['text/plain', 'text/markdown', 'text/csv', 'application/json', 'application/x-ndjson'])
    expect(await read(mime, '\uFEFFname\r\nu\u0308ber\u0007\n')).toEqual({ text: 'name\nüber\n', truncated: false })
  expect(await read('text/plain', 'ü'.repeat(1000), 999)).toEqual({ text: 'ü'.repeat(499), truncated: true })
  expect(await read('text/plain', 'ü'.repeat(1000), 2000)).toEqual({ text: 'ü'.repeat(1000), truncated: false })
})

test('of a long file only as much is read as is wanted, be it a path or a stream', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'jan-text-'))
  const path = join(folder, 'a.txt')
  await writeFile(path, 'x'.repeat(5_000_000))
  const wanted = { text: 'x'.repeat(100), truncated: true }
  expect(await reader.extractText({ mime: 'text/plain', path }, { maxTextBytes: 100 })).toEqual(wanted)
  await rm(folder, { recursive: true })
  let isLeft = false
  const endless = (async function* () {
    try {
      for (;;) yield Buffer.alloc(65_536, 'x')
    } finally {
      isLeft = true
    }
  })()
  expect(await reader.extractText({ mime: 'text/plain', stream: endless }, { maxTextBytes: 100 })).toEqual(wanted)
  await until(() => isLeft)
  const long = pdf(Array.from({ length: 40 }, (_, index) => `Page ${index}`))
  expect(await read('application/pdf', long, 14)).toEqual({ text: 'Page 0\n\nPage 1', truncated: true })
})

test('what cannot be had is said: a type without text, a path that is not there, a source that fails', async () => {
  await expect(read('image/png', 'x')).rejects.toMatchObject({ code: 'unsupported_media_type' })
  const nowhere = { mime: 'text/plain', path: '/nowhere/at/all' }
  await expect(reader.extractText(nowhere, { maxTextBytes: 1 })).rejects.toMatchObject({ code: 'ENOENT' })
  const failing = (async function* () {
    yield Buffer.from('%PDF-1.7')
    throw new Error('the storage is away')
  })()
  await expect(reader.countPages({ stream: failing })).rejects.toThrow('the storage is away')
})

test('of a page that is too long the beginning is read', async () => {
  const { text, truncated } = await read('text/html', `<p>${'ü'.repeat(5_000_000)}`)
  expect([text, truncated]).toEqual(['ü'.repeat(5000), true])
})

test('a Word document may hold another one, which is not opened', async () => {
  const nested = zip([...docxParts(paragraph('outer')), { name: 'word/embeddings/a.docx', content: docx }])
  expect((await read(DOCX, nested)).text).toBe('outer')
})
