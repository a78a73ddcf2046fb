import { z } from 'zod'
import { numeric } from '../tools/numeric.ts'

export const fetchJsonInput = z.object({
  url: z.string().min(1).max(8_192).describe('http or https address that answers JSON'),
  pointer: z
    .string()
    .max(1_000)
    .default('')
    .describe('JSON pointer to the part that is wanted, such as /items/0/name; without it the whole document'),
  max_chars: numeric(z.int().min(1).max(200_000)).default(20_000).describe('Longest JSON to return'),
})

export const fetchJsonOutput = z.object({
  source_url: z.string().describe('Where the document came from, after redirects'),
  pointer: z.string(),
  value: z.unknown().describe('What the pointer leads to'),
  total_chars: z.int().describe('Length of the value as JSON'),
  fetched_at: z.iso.datetime(),
})

export type FetchJsonInput = z.output<typeof fetchJsonInput>
export type FetchedJson = z.input<typeof fetchJsonOutput>
