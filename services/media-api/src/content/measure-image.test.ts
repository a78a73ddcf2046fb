import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { samples, turnedJpeg } from '../../test/samples.ts'
import { measureImage } from './measure-image.ts'
import { mediaType, typeNamed, typeOfFilename } from './media-type.ts'

const JPEG = mediaType('image/jpeg')

test('pictures are as large as they say, other files have no size', () => {
  for (const { mime, bytes, width, height } of samples) {
    const expected = width === undefined ? undefined : { width, height }
    expect([mime, measureImage(mediaType(mime), bytes)]).toEqual([mime, expected])
  }
})

test('a photo that lies on its side is measured as it is shown', () => {
  for (const orientation of [1, 2, 3, 4])
    expect(measureImage(JPEG, turnedJpeg(40, 30, orientation))).toEqual({ width: 40, height: 30 })
  for (const orientation of [5, 6, 7, 8])
    expect(measureImage(JPEG, turnedJpeg(40, 30, orientation))).toEqual({ width: 30, height: 40 })
})

test('cut and scrambled pictures have a size or none', () => {
  for (const { mime, bytes } of samples)
    for (let size = 0; size < bytes.length; size += Math.ceil(bytes.length / 16)) {
      const found = measureImage(mediaType(mime), Buffer.concat([bytes.subarray(0, size), randomBytes(32)]))
      expect(found === undefined || (found.width > 0 && found.height > 0)).toBe(true)
    }
})

test('types have one name, and files of a type one extension that is theirs first', () => {
  expect(typeNamed(' Image/JPG; q=0.9')?.mime).toBe('image/jpeg')
  expect(typeNamed('image/svg+xml')).toBeUndefined()
  expect(typeNamed('application/octet-stream')).toBeUndefined()
  expect(typeOfFilename('Notes.MD')?.mime).toBe('text/markdown')
  expect(typeOfFilename('a.webm')?.mime).toBe('audio/webm')
  expect(typeOfFilename('md')).toBeUndefined()
})

test('nothing that a browser could run is shown in place', () => {
  expect(mediaType('text/html').isInline).toBe(false)
  expect(samples.filter(({ mime }) => !mediaType(mime).isInline).map(({ filename }) => filename)).toEqual([
    'a.docx',
    'a.html',
  ])
})
