import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@jan/testkit/serve'
import { describe, expect, test } from '@jest/globals'
import { followText } from '../files/follow-text.ts'
import { allPages } from './connect-server.client.ts'
import { takeInputSchema, takeOutputSchema } from './foreign-schema.ts'
import { judgeTools } from './judge-tools.ts'
import { passResult } from './pass-result.ts'
import { readServerFile } from './read-server-file.ts'
import { createServerHttp } from './server-http.client.ts'
import { definitionOf } from './tool-definition.ts'

const object = (more: object) => ({ type: 'object', ...more })
/** Of the processor: the machine may be busy. */
const secondsOf = (act: () => void): number => {
  const begun = process.cpuUsage()
  act()
  return process.cpuUsage(begun).user / 1e6
}

describe('a schema of a stranger costs little', () => {
  test('when references copy a large part many times [B-041]', () => {
    const large = {
      properties: Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`p${n}`, { type: 'string' }])),
    }
    const properties = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`r${n}`, { $ref: '#/$defs/a' }]))
    const given = object({ $defs: { a: large }, properties })
    expect(
      secondsOf(() => {
        takeInputSchema(given)
        expect(takeOutputSchema(given).fits({ r0: { p1: 5 } })).toMatch(/must be string/)
      }),
    ).toBeLessThan(4)
  })

  test.each([
    ['patterns', object({ properties: { a: { pattern: `${'a?'.repeat(28)}${'a'.repeat(28)}$` } } }), 'a'.repeat(27)],
    ['names that are patterns', object({ patternProperties: { '^(a+)+$': {} } }), { [`${'a'.repeat(40)}!`]: 1 }],
    [
      'all that are unlike',
      object({ properties: { a: { uniqueItems: true } } }),
      Array.from({ length: 20_000 }, (_, n) => ({ n })),
    ],
    [
      'itself, twice at each step',
      object({
        $defs: { t: { allOf: [{ items: { $ref: '#/$defs/t' } }, { items: { $ref: '#/$defs/t' } }] } },
        properties: { a: { $ref: '#/$defs/t' } },
      }),
      Array.from({ length: 60 }).reduce<unknown>((inner) => [inner], []),
    ],
    [
      'a thousand things of each of many',
      object({ properties: { a: { items: { anyOf: Array.from({ length: 900 }, () => ({ type: 'null' })) } } } }),
      Array.from({ length: 100_000 }, () => 1),
    ],
  ])('when it asks for %s [B-041]', (_what, schema, a) => {
    expect(secondsOf(() => expect(takeOutputSchema(schema).fits({ a })).toBeUndefined())).toBeLessThan(4)
  })

  test('and asks for no more than before where a part of it is left out', () => {
    const given = object({
      properties: {
        one: { oneOf: [{ pattern: '^a' }, { pattern: '^b' }] },
        not: { not: { pattern: '^a' } },
        named: { patternProperties: { '^x': {} }, additionalProperties: false },
        pair: { prefixItems: [{ type: 'string' }], items: { type: 'number' } },
        mixed: { type: 'string', nullable: true },
      },
    })
    const value = { one: 'a', not: 'b', named: { xy: 1 }, pair: ['a', 1], mixed: null }
    expect(takeOutputSchema(given).fits(value)).toBeUndefined()
    expect(JSON.stringify(takeOutputSchema(given).schema)).not.toMatch(/pattern|"not":\{"not/)
  })

  test('and is still asked what it may be asked', () => {
    const given = object({
      required: ['kind'],
      additionalProperties: false,
      $defs: { 'a/b': { type: 'array', items: { anyOf: [{ type: 'string' }, { $ref: '#/$defs/a~1b' }] } } },
      properties: {
        kind: { enum: ['x', 'y'] },
        tree: { $ref: '#/$defs/a~1b' },
        n: { type: ['integer', 'null'], minimum: 3 },
      },
    })
    const { fits } = takeOutputSchema(given)
    expect(fits({ kind: 'x', tree: ['a', ['b', ['c']]], n: null })).toBeUndefined()
    for (const wrong of [{}, { kind: 'z' }, { kind: 'x', tree: [[5]] }, { kind: 'x', n: 1 }, { kind: 'x', other: 1 }])
      expect(fits(wrong)).toEqual(expect.any(String))
    for (const broken of [
      { properties: 5 },
      { minProperties: 'x' },
      { required: [1] },
      { properties: { a: { type: 'odd' } } },
    ])
      expect(() => takeInputSchema(object(broken))).toThrow()
  })
})

describe('a tool of a stranger', () => {
  test('with a name that would become millions of letters is refused before that [B-041]', () => {
    const tools = Array.from({ length: 5 }, () => ({ name: '\uFDFA'.repeat(100_000), inputSchema: object({}) }))
    let judged: ReturnType<typeof judgeTools> | undefined
    expect(
      secondsOf(() => {
        judged = judgeTools(tools, { ours: new Set(), most: 10 })
      }),
    ).toBeLessThan(0.5)
    expect(judged!.refused).toHaveLength(5)
  })

  test('may say of itself what the protocol knows, in few words [B-041]', () => {
    const annotations = { readOnlyHint: true, openWorldHint: 'x', title: 'T', more: 'x'.repeat(1e6) }
    const tool = { name: 'a', inputSchema: object({}), annotations }
    expect(definitionOf(tool).annotations).toEqual({ readOnlyHint: true, title: 'T' })
    const long = judgeTools([{ ...tool, title: 'x'.repeat(201) }], { ours: new Set(), most: 10 })
    expect(long.refused).toMatchObject([{ name: 'a', reason: 'the title is too long' }])
  })

  test('answers with content and nothing that asks the person something [B-041]', () => {
    const content = [{ type: 'text' as const, text: 'hi' }]
    const result = { content, isError: false, _meta: { 'a/b': 1 }, resultType: 'input_required', inputRequests: {} }
    expect(passResult('far', result as never, undefined)).toEqual({ content, isError: false, _meta: { 'a/b': 1 } })
  })

  test('is one of a list that is not larger than an answer may be [B-041]', async () => {
    let pages = 0
    const page = async () => ({ tools: [{ name: 'x'.repeat(400) }], nextCursor: String(++pages) })
    await expect(allPages({ most: 100, maxBytes: 1_000, timeoutMs: 1_000 }, page)).rejects.toThrow(/too large/)
    expect(pages).toBe(3)
  })
})

test('an answer that calls itself a stream is one only when it is asked for and well [B-041]', async () => {
  const far = await serve((request, response) => {
    response.writeHead(request.url === '/bad' ? 400 : 200, { 'content-type': 'text/event-stream' })
    response.end('data: x\n\n'.repeat(1_000))
  })
  const http = createServerHttp({ allow: [], maxBytes: 1_000, connectTimeoutMs: 1_000 })
  try {
    const read = async (path: string, accept: string) =>
      (await (await http.trusted(`${far.url}${path}`, { headers: { accept } })).text()).length
    expect(await read('/', 'application/json, text/event-stream')).toBe(9_000)
    await expect(read('/', 'application/json')).rejects.toThrow()
    await expect(read('/bad', 'text/event-stream')).rejects.toThrow()
  } finally {
    await http.close()
    await far.close()
  }
})

test('an alias that leads nowhere, or to too much, costs its entry and nothing else [B-034]', () => {
  const bomb = Array.from({ length: 8 }, (_, n) => `  x${n + 1}: &x${n + 1} [${Array(10).fill(`*x${n}`).join(', ')}]`)
  const text = [
    'anchors:',
    '  x0: &x0 [a, a]',
    ...bomb,
    'providers:',
    '  - name: *prod',
    '    url: http://a.test',
    '  - name: good',
    '    url: http://a.test',
    '  - name: large',
    '    args: *x8',
  ].join('\n')
  const { servers, problems } = readServerFile(text, {})
  expect(servers!.map(({ name }) => name)).toEqual(['good'])
  expect(problems).toEqual([expect.stringMatching(/^line 12: .*alias/), expect.stringMatching(/^line 16: .*alias/)])
})

test('a file is followed on after a text that its reader throws at [B-034]', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'follow-'))
  const path = join(folder, 'file')
  const errors: unknown[] = []
  const wrong = new Error('no')
  let stop = () => {}
  try {
    const read = await new Promise((resolve) => {
      stop = followText(
        path,
        undefined,
        (text) => {
          if (text !== 'bad') return resolve(text)
          writeFileSync(path, 'good')
          throw wrong
        },
        (error) => errors.push(error),
      )
      writeFileSync(path, 'bad')
    })
    expect(read).toBe('good')
    expect(errors).toEqual([wrong])
  } finally {
    stop()
    rmSync(folder, { recursive: true })
  }
})
