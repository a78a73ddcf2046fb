import { invalid } from '@jan/service-kit/errors'
import { z } from 'zod'
import { defineTool } from './tool.ts'

export const getTimeTool = defineTool({
  name: 'get_time',
  title: 'What time is it?',
  description:
    'Tells the current date, time and weekday in a time zone. Use it whenever an answer depends on today or now.',
  input: z.object({
    timezone: z
      .string()
      .max(64)
      .default('UTC')
      .describe('An IANA name such as Europe/Berlin or Asia/Tokyo; UTC when absent'),
  }),
  output: z.object({
    iso: z.string().describe('ISO 8601, with the offset of the time zone'),
    timezone: z.string(),
    utc_offset: z.string().describe('Such as +02:00'),
    weekday: z.string().describe('In English'),
    unix: z.int().describe('Seconds since 1970'),
    utc: z.string().describe('The same moment, in UTC'),
  }),
  // Each answer is another one; asking twice changes nothing.
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  timeoutMs: 5_000,
  run: async ({ now }, _call, { timezone }) => {
    const structured = tellTime(now(), timezone)
    return { text: `${structured.weekday}, ${structured.iso} (${structured.timezone})`, structured }
  },
})

function tellTime(now: Date, timezone: string) {
  const format = formatOf(timezone)
  const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]))
  const { year, month, day, hour, minute, second, weekday, timeZoneName } = parts as Record<string, string>
  // GMT, GMT+02:00 or, in old times, GMT+00:53:28.
  const utc_offset = timeZoneName!.slice(3) || '+00:00'
  return {
    iso: `${year}-${month}-${day}T${hour}:${minute}:${second}${utc_offset}`,
    timezone: format.resolvedOptions().timeZone,
    utc_offset,
    weekday: weekday!,
    unix: Math.floor(now.getTime() / 1000),
    utc: `${now.toISOString().slice(0, 19)}Z`,
  }
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  const digits = '2-digit'
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: timezone.trim(),
      hourCycle: 'h23',
      weekday: 'long',
      year: 'numeric',
      month: digits,
      day: digits,
      hour: digits,
      minute: digits,
      second: digits,
      timeZoneName: 'longOffset',
    })
  } catch {
    throw invalid(`There is no time zone '${timezone}': expected an IANA name such as Europe/Berlin`, 'timezone')
  }
}
