/** A piece of text and where it stands, in points from the lower left corner. */
export type PdfText = [x: number, y: number, text: string]

/** A PDF as small as can be, of one font and any number of pages; `raw` content streams make hostile ones. */
export function smallPdf(pages: (PdfText[] | { stream: Buffer; filter: string })[], title?: string): Buffer {
  const first = 5
  const kids = pages.map((_page, at) => `${first + 2 * at} 0 R`)
  const objects: Buffer[] = [
    Buffer.from('<< /Type /Catalog /Pages 2 0 R >>'),
    Buffer.from(`<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${pages.length} >>`),
    Buffer.from('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>'),
    Buffer.from(`<< ${title ? `/Title (${title})` : ''} >>`),
    ...pages.flatMap((page, at) => [
      Buffer.from(
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> ` +
          `/Contents ${first + 2 * at + 1} 0 R >>`,
      ),
      contentOf(page),
    ]),
  ]
  const pieces = [Buffer.from('%PDF-1.4\n')]
  const offsets: number[] = []
  let length = pieces[0]!.length
  for (const [at, object] of objects.entries()) {
    offsets.push(length)
    const piece = Buffer.concat([Buffer.from(`${at + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')])
    pieces.push(piece)
    length += piece.length
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const size = objects.length + 1
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R /Info 4 0 R >>\nstartxref\n${length}\n%%EOF\n`
  return Buffer.concat([...pieces, Buffer.from(`xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`)])
}

function contentOf(page: PdfText[] | { stream: Buffer; filter: string }): Buffer {
  const { stream, filter } = Array.isArray(page) ? { stream: drawing(page), filter: '' } : page
  const head = `<< /Length ${stream.length} ${filter && `/Filter /${filter}`} >>\nstream\n`
  return Buffer.concat([Buffer.from(head), stream, Buffer.from('\nendstream')])
}

const drawing = (texts: PdfText[]): Buffer =>
  Buffer.from(
    texts.map(([x, y, text]) => `BT /F 12 Tf ${x} ${y} Td (${text.replace(/[\\()]/g, '\\$&')}) Tj ET`).join('\n'),
    'latin1',
  )
