import { execFileSync, spawn } from 'node:child_process'
import { until } from '@jan/testkit/until'
import { afterEach, expect, test } from '@jest/globals'
import { blanks, packedBlanks } from '../../test/bombs.ts'
import { docxParts, flateStream, lockedPdf, paragraph, pdf } from '../../test/documents.ts'
import { type ZipPart, zip } from '../../test/zip-file.ts'
import { DOCX } from '../content/media-type.ts'
import { createTextReader } from './text-reader.ts'

const PDF = 'application/pdf'
const MIB = 1024 * 1024
const reader = createTextReader()

/** The processes that read for another one: their memory in bytes. */
function readers(of = process.pid): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'ppid=,rss=,args='], { encoding: 'utf8' }).split('\n')
  return lines
    .filter((line) => line.includes('text-process.ts'))
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([parent, kibibytes]) => (parent === of ? [kibibytes! * 1024] : []))
}

afterEach(() => expect(readers()).toEqual([]))

/** Why the text cannot be had, and how much memory the attempt took at most. */
async function refusal(mime: string, bytes: Buffer, options: { timeoutMs?: number } = {}) {
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, ...readers())
  }, 50)
  const answer = await reader.extractText({ mime, bytes }, { maxTextBytes: MIB, ...options }).then(
    ({ text }) => ({ code: 'read', message: text }),
    (error: { code: string; message: string }) => error,
  )
  clearInterval(watch)
  return { text: `${answer.code}: ${answer.message}`, peak }
}

const enormous = packedBlanks(1024)

const CATALOG = '<< /Type /Catalog /Pages 2 0 R >>'
const PAGES = '<< /Type /Pages /Count 1 /Kids [3 0 R] >>'
const pageOf = (content: Buffer | string, resources = '/Font << /F1 5 0 R >>', ...others: string[]) =>
  pdf([], {
    objects: [
      CATALOG,
      PAGES,
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << ${resources} >> >>`,
      content,
      ...others,
    ],
  })

test('a PDF that asks for a password, and one that is none, say so', async () => {
  expect((await refusal(PDF, lockedPdf)).text).toBe(
    'invalid_request: the text of this PDF cannot be read: it is protected by a password',
  )
  for (const broken of [Buffer.from('%PDF-1.7\nnothing'), pdf().subarray(0, 300)])
    expect((await refusal(PDF, broken)).text).toMatch(
      /^(invalid_request: the text of this PDF cannot be read: it is damaged|read: )/,
    )
})

test('a PDF whose stream unfolds to hundreds of MiB is stopped at the cap', async () => {
  const bomb = pageOf(flateStream(await blanks(600)))
  expect(bomb.length).toBeLessThan(MIB)
  const { text, peak } = await refusal(PDF, bomb)
  expect(text).toBe('invalid_request: the text of this PDF cannot be read: reading it takes too much memory')
  expect(peak).toBeLessThan(768 * MIB)
}, 60_000)

test('a PDF of 100,000 pages is counted, not read', async () => {
  const kids = '3 0 R '.repeat(100_000)
  const long = pdf([], {
    objects: [
      CATALOG,
      `<< /Type /Pages /Count 100000 /Kids [${kids}] >>`,
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>',
    ],
  })
  expect(await reader.countPages({ bytes: long })).toBe(100_000)
  expect((await refusal(PDF, long)).text).toMatch(/cannot be read: it has 100000 pages, and at most 10000 are read$/)
})

test('a PDF that contains itself comes to an end', async () => {
  const circle = pdf([], { objects: [CATALOG, '<< /Type /Pages /Count 3 /Kids [2 0 R 2 0 R] /Parent 2 0 R >>'] })
  expect((await refusal(PDF, circle)).text).toMatch(/it is damaged/)
  const form =
    '<< /Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /X 5 0 R >> >> /Length 11 >>\nstream\n/X Do /X Do\nendstream'
  const drawing = pageOf('<< /Length 5 >>\nstream\n/X Do\nendstream', '/XObject << /X 5 0 R >>', form)
  expect((await refusal(PDF, drawing)).text).toBe('read: ')
  const deep = pdf([], {
    objects: [CATALOG, PAGES, `<< /Type /Page /Parent 2 0 R /MediaBox ${'['.repeat(200_000)} >>`],
  })
  expect((await refusal(PDF, deep)).text).toMatch(/^(invalid_request: .* it is damaged|read: )/)
})

test('a Word document that unfolds from 1 MiB to 1 GiB is not unfolded', async () => {
  expect((await enormous).bytes.length).toBeLessThan(1.1 * MIB)
  for (const name of ['word/footnotes.xml', 'word/media/a.png']) {
    const bomb = zip([...docxParts(paragraph('hi')), { name, content: await enormous }])
    const { text, peak } = await refusal(DOCX, bomb)
    expect(text).toMatch(/^invalid_request: the text of this Word document cannot be read: it unfolds to far more/)
    expect(peak).toBeLessThan(400 * MIB)
    await expect(reader.requireSafeArchive({ bytes: bomb })).rejects.toMatchObject({ code: 'invalid_request' })
  }
}, 60_000)

test('an archive within an archive is counted as it lies there', async () => {
  const inner = zip([{ name: 'a', content: await enormous }])
  const nested = zip([...docxParts(paragraph('outer')), { name: 'word/embeddings/b.zip', content: inner }])
  expect((await refusal(DOCX, nested)).text).toBe('read: outer')
}, 60_000)

test('a Word document with too many parts, two of one name or shared bytes is refused', async () => {
  const parts = docxParts(paragraph('hi'))
  const empty = (name: string): ZipPart => ({ name, content: Buffer.alloc(0) })
  const many = zip([...parts, ...Array.from({ length: 2000 }, (_, index) => empty(`a${index}`))])
  expect((await refusal(DOCX, many)).text).toMatch(/it consists of more than 2000 parts$/)
  expect((await refusal(DOCX, zip([...parts, empty('a'), empty('a')]))).text).toMatch(/two of its parts have one name$/)
  expect((await refusal(DOCX, sharing(zip([...parts, { name: 'b', content: parts[0]!.content }])))).text).toMatch(
    /share their bytes$/,
  )
  expect((await refusal(DOCX, zip([empty('a')]))).text).toMatch(/it is damaged/)
})

/** The directory says that the last part lies where the first one does. */
function sharing(file: Buffer): Buffer {
  const last = file.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
  file.writeUInt32LE(0, last + 42)
  return file
}

test('text that expands while it is parsed is stopped at the cap', async () => {
  const long = zip(docxParts(paragraph('hello world').repeat(600_000)))
  const { text, peak } = await refusal(DOCX, long)
  expect(text).toMatch(/^invalid_request: .* reading it takes too much memory$/)
  expect(peak).toBeLessThan(768 * MIB)
}, 60_000)

const endlessHtml = Buffer.from('<div>'.repeat(400_000))

test('what takes too long is ended at the time cap', async () => {
  const started = Date.now()
  const { text } = await refusal('text/html', endlessHtml, { timeoutMs: 1500 })
  expect(text).toBe('invalid_request: the text of this HTML page cannot be read: reading it takes too long')
  expect(Date.now() - started).toBeLessThan(15_000)
})

test('whoever gives up ends the process, or leaves the line before there is one', async () => {
  const stop = new AbortController()
  const file = { mime: 'text/html', bytes: endlessHtml }
  const options = { maxTextBytes: 10, signal: stop.signal }
  const asked = [1, 2, 3, 4].map(() => reader.extractText(file, options))
  await until(() => readers().length === 2)
  stop.abort(new Error('enough'))
  for (const answer of await Promise.allSettled(asked))
    expect(answer).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
  const next = await reader.extractText({ mime: 'text/plain', bytes: Buffer.from('next') }, { maxTextBytes: 10 })
  expect(next.text).toBe('next')
})

test('a service that is killed leaves no process behind', async () => {
  const script = `
    const { createTextReader } = await import(${JSON.stringify(new URL('./text-reader.ts', import.meta.url).href)})
    await createTextReader().extractText({ mime: 'text/html', bytes: Buffer.from('<div>'.repeat(400_000)) }, { maxTextBytes: 1 })`
  const service = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  // Busy: what a process holds that only waits is far less.
  await until(() => readers(service.pid).some((bytes) => bytes > 150 * MIB))
  const before = all()
  service.kill('SIGKILL')
  await until(() => all() < before)
})

/** How many there are, whoever started them. */
const all = () => execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' }).split('text-process.ts').length

test('two are read at a time, the others in the order they came', async () => {
  const order: number[] = []
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, readers().length)
  }, 20)
  const one = createTextReader({ processes: 1 })
  const answers = [1, 2, 3].map(async (number) => {
    await one.extractText({ mime: 'text/plain', bytes: Buffer.from('a') }, { maxTextBytes: 1 })
    order.push(number)
  })
  await Promise.all(answers)
  expect([order, most]).toEqual([[1, 2, 3], 1])
  const five = Array.from({ length: 5 }, () => reader.countPages({ bytes: pdf() }))
  expect(await Promise.all(five)).toEqual([1, 1, 1, 1, 1])
  clearInterval(watch)
  expect(most).toBe(2)
})
