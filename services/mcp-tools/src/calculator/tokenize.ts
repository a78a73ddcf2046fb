import { CalculationError } from './figure.ts'

/** `position` counts characters from 1. */
export type Token = { kind: 'number' | 'name' | 'sign'; text: string; position: number }

const PATTERN =
  /(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_][A-Za-z_0-9]*)|(?<sign>\*\*|[-+*/%^(),×·÷−])/y
/** As people write them. */
const SAME = new Map([
  ['**', '^'],
  ['×', '*'],
  ['·', '*'],
  ['÷', '/'],
  ['−', '-'],
])

/** @throws CalculationError at the first character that is none of the language */
export function tokenize(expression: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < expression.length; ) {
    if (/\s/.test(expression[at]!)) {
      at += 1
      continue
    }
    PATTERN.lastIndex = at
    const groups = PATTERN.exec(expression)?.groups
    if (!groups) throw new CalculationError(`unexpected '${String.fromCodePoint(expression.codePointAt(at)!)}'`, at + 1)
    const [kind, text] = Object.entries(groups).find(([, part]) => part !== undefined) as [Token['kind'], string]
    tokens.push({ kind, text: SAME.get(text) ?? text, position: at + 1 })
    at += text.length
  }
  return tokens
}
