import type { Decimal } from 'decimal.js'

/** A number, and whether digits were lost on the way to it. */
export type Figure = { value: Decimal; rounded: boolean }

/** What is wrong with an expression, and where: `position` counts characters from 1. */
export class CalculationError extends Error {
  override name = 'CalculationError'
  readonly position: number
  constructor(message: string, position: number) {
    super(`${message} (position ${position})`)
    this.position = position
  }
}

/** Digits of an exact result, and of a rounded one. */
export const EXACT_DIGITS = 1_000
export const ROUNDED_DIGITS = 60
/** No number is larger than 10^this, nor smaller than its inverse. */
const MAX_EXPONENT = 10_000

/** @throws CalculationError for what is no number, and for one too large or too small to go on with */
export function figureOf(value: Decimal, position: number, rounded = false): Figure {
  if (value.isNaN()) throw new CalculationError('this is not defined', position)
  if (!value.isFinite() || (!value.isZero() && Math.abs(value.e) > MAX_EXPONENT))
    throw new CalculationError('the result is too large or too small', position)
  return { value, rounded }
}
