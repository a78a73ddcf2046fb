import { expect, test } from '@jest/globals'
import { capabilitiesOf, metadataOf } from './capabilities.ts'
import { headersOf, KINDS, kindOf } from './kinds.ts'

test.each([
  ['openai', {}, [true, true, true]],
  ['ollama', {}, [true, false, false]],
  ['local', {}, [false, false, false]],
  ['a kind of a later release', {}, [true, false, true]],
  ['custom', { image_input: 'false', file_attachment: '1' }, [false, true, true]],
  ['custom', { image_input: '{"supported":true,"url":false,"base64":true}' }, [true, false, false]],
  ['ollama', { image_input: '{"url":true}' }, [true, false, true]],
  ['custom', { image_input: 'perhaps', file_attachment: '[' }, [true, false, true]],
])('%s with %j takes images, takes files, reaches us: %j [L-010]', (kind, metadata, expected) => {
  const { takesImages, takesFiles, reachesUs } = capabilitiesOf(kind, metadata)
  expect([takesImages, takesFiles, reachesUs]).toEqual(expected)
})

test('what was not said is told by the kind', () => {
  expect(metadataOf('google', { note: 'x', image_input: 'false' })).toEqual({
    note: 'x',
    image_input: 'false',
    file_attachment: '{"supported":false,"url":false,"base64":false}',
  })
})

test('a kind is known by any of its names, and what is unknown is custom [L-010]', () => {
  for (const [kind, { names }] of Object.entries(KINDS))
    for (const name of names) expect(kindOf(` ${name.toUpperCase()} `)).toBe(kind)
  for (const name of ['vllm', '', 'constructor']) expect(kindOf(name)).toBe('custom')
  expect(headersOf('anthropic', undefined)).toEqual({ 'anthropic-version': '2023-06-01' })
})
