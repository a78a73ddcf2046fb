import { randomBytes } from 'node:crypto'
import { AppError } from '@jan/service-kit/errors'
import { expect, test } from '@jest/globals'
import { bmp, gif, jpeg, png, tiff, webp } from '../../test/images.ts'
import { requireImageType } from './image-type.ts'

test('knows the six kinds by their bytes', async () => {
  const kinds = [png(), jpeg, gif, webp, bmp, tiff]
  const types = await Promise.all(kinds.map(requireImageType))
  expect(types.map(({ mime }) => mime)).toEqual([
    'image/png',
    'image/jpeg',
    'image/gif',
    'image/webp',
    'image/bmp',
    'image/tiff',
  ])
})

test('an animated PNG is a PNG', async () => {
  const still = png()
  const control = Buffer.from('000000086163544c00000001000000000000000000', 'hex')
  const animated = Buffer.concat([still.subarray(0, 33), control.subarray(0, 16), Buffer.alloc(4), still.subarray(33)])
  expect((await requireImageType(animated)).mime).toBe('image/png')
})

test('cut and scrambled files are judged or refused, and never break the judge', async () => {
  const outcome = (bytes: Buffer) =>
    requireImageType(bytes).then(
      ({ mime }) => mime,
      (error: unknown) => (error instanceof AppError ? error.code : error),
    )
  const allowed = /^image\/(png|jpeg|gif|webp|bmp|tiff)$|^unsupported_media_type$/
  for (const file of [png(), jpeg, gif, webp, bmp, tiff])
    for (let size = 1; size < file.length; size += 3) {
      expect(await outcome(file.subarray(0, size))).toMatch(allowed)
      expect(await outcome(Buffer.concat([file.subarray(0, size), randomBytes(64)]))).toMatch(allowed)
    }
})
