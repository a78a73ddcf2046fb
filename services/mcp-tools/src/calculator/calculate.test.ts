import { expect, test } from '@jest/globals'
import { calculate } from './calculate.ts'

const worked = (expression: string) => calculate(expression).value.toFixed()

test.each([
  ['0.1 + 0.2', '0.3'],
  ['1.10 * 3 - .3', '3'],
  ['2 + 3 * 4 - 5', '9'],
  ['(2 + 3) * 4', '20'],
  ['-2^2', '-4'],
  ['(-2)^2', '4'],
  ['2^3^2', '512'],
  ['2**-2', '0.25'],
  ['2 - -3', '5'],
  ['--3', '3'],
  ['-7 % 3', '-1'],
  ['7.5 % 2', '1.5'],
  ['6 ÷ 4 × 2 − 1', '2'],
  ['1.5e3 + 1E-2', '1500.01'],
  ['sqrt(2.25)', '1.5'],
  ['abs(-4.2)', '4.2'],
  ['round(2.5)', '3'],
  ['round(-2.5)', '-3'],
  ['round(2.345, 2)', '2.35'],
  ['floor(-1.1) + ceil(1.1)', '0'],
  ['min(3, 1, 2) + max(3, 1, 2)', '4'],
  ['log10(1000)', '3'],
  ['ln(1)', '0'],
  ['exp(0)', '1'],
  ['cos(0) + sin(0) + tan(0)', '1'],
  ['round(pi, 10)', '3.1415926536'],
  ['round(PI * E, 6)', '8.539734'],
  [
    '123456789012345678901234567890 * 987654321098765432109876543210',
    '121932631137021795226185032733622923332237463801111263526900',
  ],
  ['0.1^30', `0.${'0'.repeat(29)}1`],
  ['(1 + 0.05)^10 * 1200', '1954.6735521329296875'],
])('%s is %s [B-033]', (expression, result) => {
  expect(worked(expression)).toBe(result)
})

test('what is exact says so, and what was rounded does [B-033]', () => {
  const rounded = (expression: string) => calculate(expression).rounded
  expect(['1 / 4', '2^100 / 2^50', 'sqrt(9)', '10^20 + 10^-20', 'round(7.7)'].map(rounded)).toEqual(
    Array(5).fill(false),
  )
  expect(['1 / 3', '1 / 3 * 3', 'sqrt(2)', '2^0.5', 'sin(1)', 'pi', '2^9999', 'max(1 / 3, 1)'].map(rounded)).toEqual(
    Array(8).fill(true),
  )
  expect(worked('1 / 3')).toBe(`0.${'3'.repeat(60)}`)
})

test.each([
  ['', /ends too early \(position 1\)/],
  ['2 +', /ends too early \(position 4\)/],
  ['2 + * 3', /unexpected '\*' \(position 5\)/],
  ['(1 + 2', /ends too early \(position 7\)/],
  ['1 2', /unexpected '2' \(position 3\)/],
  ['1)', /unexpected '\)' \(position 2\)/],
  ['2 $ 3', /unexpected '\$' \(position 3\)/],
  ['1 + 💥', /unexpected '💥' \(position 5\)/],
  ['1,000', /unexpected ',' \(position 2\)/],
  ['1 / (2 - 2)', /division by zero \(position 3\)/],
  ['5 % 0', /division by zero \(position 3\)/],
  ['0^-1', /division by zero \(position 2\)/],
  ['sqrt(-1)', /not below 0 \(position 1\)/],
  ['1 + ln(0)', /above 0 \(position 5\)/],
  ['(-8)^0.5', /not defined \(position 5\)/],
  ['cosh(1)', /unknown name 'cosh'; there are sqrt .* \(position 1\)/],
  ['constructor', /unknown name 'constructor'/],
  ['__proto__(1)', /unknown name/],
  ['sqrt 4', /unexpected '4' \(position 6\)/],
  ['sqrt()', /unexpected '\)' \(position 6\)/],
  ['sqrt(1, 2)', /takes 1 argument, not 2 \(position 1\)/],
  ['round(1, 2, 3)', /takes 1 or 2 arguments, not 3/],
  ['round(1, 0.5)', /places are a whole number/],
])('%p is refused, and the place is named [B-033]', (expression, message) => {
  expect(() => calculate(expression)).toThrow(message)
})

test.each([
  ['9^9^9^9'],
  ['9^9999^9999'],
  ['2^-99999999999'],
  ['1e999999999'],
  ['1e99999999999999999999'],
  ['1e9999 * 1e9999'],
  ['1e9999 % 7'],
  ['exp(1e6)'],
  ['sin(1e100)'],
  ['1.0000001^9999999'],
  ['('.repeat(900)],
  [`${'-'.repeat(900)}1`],
  [`${'sqrt('.repeat(150)}1${')'.repeat(150)}`],
  ['1+'.repeat(501)],
])('%p is refused at once [B-033]', (expression) => {
  const began = performance.now()
  expect(() => calculate(expression)).toThrow(/position/)
  expect(performance.now() - began).toBeLessThan(1_000)
})

test('the most that may be asked takes no time that anybody notices [B-033]', () => {
  const began = performance.now()
  for (const piece of ['1.234567^9999', 'exp(9999.5)', 'sin(123456789.1)', 'ln(1.23e99)', '7.1^0.123', '(1/7)^99'])
    calculate(
      Array(Math.floor(990 / (piece.length + 1)))
        .fill(piece)
        .join('%')
        .replace(/%/g, '-'),
    )
  expect(performance.now() - began).toBeLessThan(10_000)
})
