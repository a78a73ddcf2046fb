import { compile, type FormatCallback } from 'html-to-text'
import { tidyText } from './plain-text.ts'

/** Cells of a row in one line: a table drawn with blanks is hard to read for everybody but people. */
const row: FormatCallback = (element, walk, builder) => {
  builder.openBlock({ leadingLineBreaks: 1 })
  const cells = element.children.filter(({ name }) => name === 'td' || name === 'th')
  for (const [index, cell] of cells.entries()) {
    if (index > 0) builder.addInline(' | ')
    walk(cell.children, builder)
  }
  builder.closeBlock({ trailingLineBreaks: 1 })
}

const paragraphInCell: FormatCallback = (element, walk, builder) => {
  walk(element.children, builder)
  builder.addInline(' ')
}

/** A picture is what is said of it. */
const picture: FormatCallback = (element, _walk, builder) => builder.addInline(String(element.attribs.alt ?? ''))

const headings = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } }))
const unseen = ['template', 'noscript', 'svg', 'iframe', 'object', 'select', 'hr'].map((selector) => ({
  selector,
  format: 'skip',
}))

const convert = compile({
  wordwrap: false,
  formatters: { row, paragraphInCell, picture },
  limits: { maxDepth: 300, maxInputLength: 16 * 1024 * 1024, ellipsis: '' },
  selectors: [
    ...headings,
    { selector: 'ul', options: { itemPrefix: '- ' } },
    ...unseen,
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'picture' },
    { selector: 'table', format: 'block', options: { leadingLineBreaks: 2, trailingLineBreaks: 2 } },
    { selector: 'tr', format: 'row' },
    { selector: 'td > p', format: 'paragraphInCell' },
    { selector: 'th > p', format: 'paragraphInCell' },
  ],
})

/** What a reader sees: headings, paragraphs, lists and tables, links as their text; nothing of scripts and styles. */
export const htmlText = (html: string): string => tidyText(convert(html))
