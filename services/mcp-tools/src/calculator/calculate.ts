import { Decimal } from 'decimal.js'
import { CalculationError, type Figure, figureOf } from './figure.ts'
import { CONSTANTS, FUNCTIONS } from './functions.ts'
import { operate } from './operators.ts'
import { type Token, tokenize } from './tokenize.ts'

export const MAX_LENGTH = 1_000
const MAX_DEPTH = 100

/**
 * Works out an expression with exact decimals. Sums, differences, products, remainders and whole powers are exact up to
 * 1,000 digits; quotients, roots and all other functions are rounded to 60 digits, and say so.
 *
 *     sum     = product { ("+" | "-") product }
 *     product = signed { ("*" | "/" | "%") signed }
 *     signed  = ("-" | "+") signed | power
 *     power   = atom [ ("^" | "**") signed ]           right to left: -2^2 is -4, 2^3^2 is 2^9
 *     atom    = number | name | name "(" sum { "," sum } ")" | "(" sum ")"
 *
 * @throws CalculationError that names the position, counted from 1
 */
export function calculate(expression: string): Figure {
  if (expression.length > MAX_LENGTH)
    throw new CalculationError(`the expression is longer than ${MAX_LENGTH} characters`, MAX_LENGTH + 1)
  const parser = createParser(tokenize(expression), expression.length + 1)
  const figure = parser.sum(0)
  parser.requireEnd()
  return figure
}

function createParser(tokens: Token[], end: number) {
  let at = 0
  const peek = () => tokens[at]
  const take = (...texts: string[]): Token | undefined => {
    const token = tokens[at]
    if (token?.kind !== 'sign' || !texts.includes(token.text)) return undefined
    at += 1
    return token
  }
  const unexpected = () => {
    const token = peek()
    return token
      ? new CalculationError(`unexpected '${token.text}'`, token.position)
      : new CalculationError('the expression ends too early', end)
  }
  const requireDepth = (depth: number) => {
    if (depth > MAX_DEPTH) throw new CalculationError(`nested deeper than ${MAX_DEPTH}`, peek()?.position ?? end)
  }

  function leftToRight(signs: string[], operand: (depth: number) => Figure) {
    return (depth: number): Figure => {
      let left = operand(depth)
      for (let sign = take(...signs); sign; sign = take(...signs)) left = operate(sign, left, operand(depth))
      return left
    }
  }

  function signed(depth: number): Figure {
    requireDepth(depth)
    const sign = take('-', '+')
    if (!sign) return power(depth)
    const figure = signed(depth + 1)
    return sign.text === '-' ? { ...figure, value: figure.value.neg() } : figure
  }

  function power(depth: number): Figure {
    const base = atom(depth)
    const sign = take('^')
    return sign ? operate(sign, base, signed(depth + 1)) : base
  }

  function atom(depth: number): Figure {
    requireDepth(depth)
    const token = peek()
    if (token?.kind === 'number') {
      at += 1
      return figureOf(new Decimal(token.text), token.position)
    }
    if (token?.kind === 'name') {
      at += 1
      return named(token, depth)
    }
    if (!take('(')) throw unexpected()
    const inner = sum(depth + 1)
    if (!take(')')) throw unexpected()
    return inner
  }

  function named(name: Token, depth: number): Figure {
    const text = name.text.toLowerCase()
    const constant = CONSTANTS.get(text)
    if (constant) return constant
    const apply = FUNCTIONS.get(text)
    if (!apply)
      throw new CalculationError(
        `unknown name '${name.text}'; there are ${[...FUNCTIONS.keys(), ...CONSTANTS.keys()].join(' ')}`,
        name.position,
      )
    if (!take('(')) throw unexpected()
    const given = [sum(depth + 1)]
    while (take(',')) given.push(sum(depth + 1))
    if (!take(')')) throw unexpected()
    return apply(given, name.position)
  }

  const product = leftToRight(['*', '/', '%'], signed)
  const sum: (depth: number) => Figure = leftToRight(['+', '-'], product)
  return {
    sum,
    requireEnd: () => {
      if (peek()) throw unexpected()
    },
  }
}
