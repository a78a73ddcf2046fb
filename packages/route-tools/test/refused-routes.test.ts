import { type Route, rawBody, route, streamedBody, streamOf } from '@jan/service-kit/route'
import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { routeTools } from '../src/route-tool.ts'

const fine = {
  operation: 'change_thing',
  method: 'post',
  path: '/v1/things/{id}',
  summary: 'Change',
  auth: 'person',
  params: z.object({ id: z.string() }),
  answers: { 200: z.object({ id: z.string() }) },
  tool: {},
  handler: () => ({ id: '1' }),
} as const
const made = (more: object) => route({ ...fine, ...more } as never)

test.each<[string, object, RegExp]>([
  ['a name comes twice', { body: z.object({ id: z.string() }) }, /id is a field of its path and of its body/],
  ['the body is bytes', { body: rawBody(10) }, /its body is not plain JSON/],
  ['the body is a stream', { body: streamedBody() }, /its body is not plain JSON/],
  ['the body has no names', { body: z.array(z.string()) }, /its body is no object with named fields/],
  ['it answers with events', { answers: { 200: streamOf('text/event-stream', 'x') } }, /answers with a stream/],
  [
    'it may answer with bytes',
    { answers: { 200: fine.answers[200], 206: streamOf('*/*', 'x') } },
    /answers with a stream/,
  ],
  ['it answers nothing good', { answers: { 302: null } }, /does not say what it answers/],
  ['it hides what it needs', { tool: { hidden: ['id'] } }, /cannot do without id, which is hidden/],
  ['it hides what is not there', { tool: { hidden: ['nothing'] } }, /hides nothing, which it does not have/],
  ['its name is none', { tool: { name: 'change.thing' } }, /change\.thing is no name/],
])('a service does not start when a tool is wrong: %s [B-048]', (_what, more, message) => {
  expect(() => routeTools([made(more)])).toThrow(message)
  expect(() => routeTools([made(more)])).toThrow(/^change_thing cannot be a tool: /)
  expect(routeTools([{ ...made(more), tool: undefined } as unknown as Route])).toEqual([])
})

test('two tools cannot have one name [B-048]', () => {
  expect(() => routeTools([made({}), made({ operation: 'other', tool: { name: 'change_thing' } })])).toThrow(
    'Two routes are the tool change_thing',
  )
})

test('a body that may be absent needs nothing, and answers of several kinds promise nothing [B-048]', () => {
  const body = z.object({ text: z.string() }).nullish()
  const answers = { 200: z.object({ id: z.string() }), 202: z.object({ queued: z.literal(true) }) }
  const [tool] = routeTools([made({ body, answers })])
  expect(tool!.listed.inputSchema).toMatchObject({ required: ['id'], properties: { text: { type: 'string' } } })
  expect(tool!.listed).not.toHaveProperty('outputSchema')
})
