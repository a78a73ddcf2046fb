import { Decimal } from 'decimal.js'
import { CalculationError, EXACT_DIGITS, type Figure, figureOf, ROUNDED_DIGITS } from './figure.ts'
import type { Token } from './tokenize.ts'

// Exponents are limited by `figureOf`, after the fact; these only keep decimal.js from work that would be thrown away.
const RANGE = { minE: -1_000_000, maxE: 1_000_000 } as const
export const Exact = Decimal.clone({ precision: EXACT_DIGITS, ...RANGE })
export const Rounded = Decimal.clone({ precision: ROUNDED_DIGITS, ...RANGE })

const MAX_POWER = 10_000

type Operation = (left: Decimal, right: Decimal, position: number) => Figure

/** decimal.js rounds in silence: whoever fills all digits is taken to have lost some. */
const exact = (value: Decimal, position: number): Figure => figureOf(value, position, value.precision() >= EXACT_DIGITS)

const divide: Operation = (left, right, position) => {
  if (right.isZero()) throw new CalculationError('division by zero', position)
  const quotient = new Rounded(left).div(right)
  return figureOf(quotient, position, !new Exact(quotient).mul(right).eq(left))
}

const remain: Operation = (left, right, position) => {
  if (right.isZero()) throw new CalculationError('division by zero', position)
  if (left.e - right.e > EXACT_DIGITS) throw new CalculationError('the numbers are too far apart', position)
  return exact(new Exact(left).mod(right), position)
}

const raise: Operation = (base, exponent, position) => {
  if (exponent.abs().gt(MAX_POWER)) throw new CalculationError(`a power is at most ${MAX_POWER}`, position)
  if (base.isZero() && exponent.isNeg()) throw new CalculationError('division by zero', position)
  if (!exponent.isInteger()) return figureOf(new Rounded(base).pow(exponent), position, true)
  if (!base.isZero() && (Math.abs(base.e) + 1) * exponent.abs().toNumber() > 2 * MAX_POWER)
    throw new CalculationError('the result is too large or too small', position)
  const power = exact(new Exact(base).pow(exponent.abs()), position)
  if (!exponent.isNeg()) return power
  const inverse = divide(new Exact(1), power.value, position)
  return { ...inverse, rounded: inverse.rounded || power.rounded }
}

const OPERATIONS: Record<string, Operation> = {
  '+': (left, right, position) => exact(new Exact(left).add(right), position),
  '-': (left, right, position) => exact(new Exact(left).sub(right), position),
  '*': (left, right, position) => exact(new Exact(left).mul(right), position),
  '/': divide,
  '%': remain,
  '^': raise,
}

/** @throws CalculationError at the position of the sign */
export function operate(sign: Token, left: Figure, right: Figure): Figure {
  const figure = OPERATIONS[sign.text]!(left.value, right.value, sign.position)
  return { ...figure, rounded: figure.rounded || left.rounded || right.rounded }
}
