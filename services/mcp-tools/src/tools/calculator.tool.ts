import { invalid } from '@jan/service-kit/errors'
import { z } from 'zod'
import { calculate, MAX_LENGTH } from '../calculator/calculate.ts'
import { CalculationError } from '../calculator/figure.ts'
import { defineTool } from './tool.ts'

/** Longer ones are told by their exponent. */
const MAX_PLAIN_DIGITS = 100

export const calculatorTool = defineTool({
  name: 'calculator',
  title: 'Calculate',
  description:
    'Works out an arithmetic expression with exact decimals: 0.1 + 0.2 is 0.3. Use it for every number that matters. ' +
    'It knows + - * / % (remainder) ^ and parentheses, sqrt abs round(x, places) floor ceil min max ln log10 exp, ' +
    'sin cos tan (radians), pi and e.',
  input: z.object({
    expression: z
      .string()
      .min(1)
      .max(MAX_LENGTH)
      .describe('For example (1 + 0.05)^10 * 1200, with a point for decimals and no thousands separators'),
  }),
  output: z.object({
    expression: z.string(),
    result: z.string().describe('In decimals; with an exponent when it is very large or small'),
    rounded: z
      .boolean()
      .describe(
        'Whether digits were lost: quotients, roots and functions have 60, everything else is exact up to 1,000',
      ),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  timeoutMs: 5_000,
  run: async (_deps, _call, { expression }) => {
    try {
      const { value, rounded } = calculate(expression)
      const isPlain = value.isZero() || (Math.abs(value.e) < MAX_PLAIN_DIGITS && value.precision() <= MAX_PLAIN_DIGITS)
      const result = isPlain ? value.toFixed() : value.toString()
      return { text: result, structured: { expression, result, rounded } }
    } catch (error) {
      if (error instanceof CalculationError) throw invalid(`This cannot be calculated: ${error.message}`, 'expression')
      throw error
    }
  },
})
