import { expect, test } from '@jest/globals'
import { safeFilename } from './filename.ts'

const PNG = { mime: 'image/png', extensions: ['png', 'apng'] as [string, ...string[]] }
const name = (wanted?: string) => safeFilename(wanted, 'jan_1', PNG)

test('keeps a good name', () => {
  expect(name('Kätzchen am See.PNG')).toBe('Kätzchen am See.PNG')
})

test('names what has no name after its id', () => {
  for (const empty of [undefined, '', '   ', '...', 'folder/', '\u0000\u202e']) expect(name(empty)).toBe('jan_1.png')
})

test('takes no folders, control or direction characters', () => {
  expect(name('../../etc/cat.png')).toBe('cat.png')
  expect(name('C:\\pictures\\cat.png')).toBe('cat.png')
  expect(name('a\r\nSet-Cookie: x\u0000\u202e.png')).toBe('aSet-Cookie: x.png')
  expect(name('\ud800cat.png')).toBe('cat.png')
})

test('gives the extension of the true type, also to a long name', () => {
  expect(name('page.html')).toBe('page.html.png')
  expect(name('png')).toBe('png.png')
  expect(name('😺'.repeat(200))).toBe(`${'😺'.repeat(150)}.png`)
})
