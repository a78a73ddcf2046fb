import { describe, expect, test } from '@jest/globals'
import { calculatorTool } from './calculator.tool.ts'
import { getTimeTool } from './get-time.tool.ts'
import type { ToolCall, ToolDeps } from './tool.ts'

const call = {} as ToolCall
const at = (time: string, input: object = {}) =>
  getTimeTool.run({ now: () => new Date(time) } as ToolDeps, call, getTimeTool.input.parse(input))
const calculated = (expression: string) =>
  calculatorTool.run({} as ToolDeps, call, calculatorTool.input.parse({ expression }))

describe('get_time', () => {
  test('tells UTC when no time zone is named [B-033]', async () => {
    const { text, structured } = await at('2026-03-01T12:34:56.789Z')
    expect(getTimeTool.output.parse(structured)).toEqual({
      iso: '2026-03-01T12:34:56+00:00',
      timezone: 'UTC',
      utc_offset: '+00:00',
      weekday: 'Sunday',
      unix: 1_772_368_496,
      utc: '2026-03-01T12:34:56Z',
    })
    expect(text).toBe('Sunday, 2026-03-01T12:34:56+00:00 (UTC)')
  })

  test.each([
    ['Europe/Berlin', '2026-07-01T22:30:00Z', '2026-07-02T00:30:00+02:00', 'Thursday'],
    ['Europe/Berlin', '2026-01-01T23:30:00Z', '2026-01-02T00:30:00+01:00', 'Friday'],
    ['Asia/Kathmandu', '2026-01-01T00:00:00Z', '2026-01-01T05:45:00+05:45', 'Thursday'],
    ['America/St_Johns', '2026-01-01T00:00:00Z', '2025-12-31T20:30:00-03:30', 'Wednesday'],
    ['asia/tokyo', '2026-01-01T15:00:00Z', '2026-01-02T00:00:00+09:00', 'Friday'],
  ])('tells the time in %s, at %s [B-033]', async (timezone, time, iso, weekday) => {
    expect((await at(time, { timezone })).structured).toMatchObject({ iso, weekday, utc_offset: iso.slice(19) })
    expect(new Date(iso).getTime()).toBe(new Date(time).getTime())
  })

  test.each([['Mars/Olympus'], ['Berlin'], [''], ['../etc']])('%p is no time zone [B-033]', async (timezone) => {
    await expect(at('2026-01-01T00:00:00Z', { timezone })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('Europe/Berlin'),
    })
  })
})

describe('calculator', () => {
  test.each([
    ['0.1 + 0.2', '0.3', false],
    ['10^50', `1${'0'.repeat(50)}`, false],
    ['10^200', '1e+200', false],
    ['1 / 8', '0.125', false],
    ['2 / 3', `0.${'6'.repeat(59)}7`, true],
  ])('%s answers %s [B-033]', async (expression, result, rounded) => {
    expect(await calculated(expression)).toEqual({ text: result, structured: { expression, result, rounded } })
  })

  test('what cannot be calculated is told with its place [B-033]', async () => {
    await expect(calculated('2 +* 3')).rejects.toMatchObject({
      code: 'invalid_request',
      message: "This cannot be calculated: unexpected '*' (position 4)",
    })
  })
})
