import { parseSync } from '@swc/core'

/** A requirement id in the title of a test or of a group of tests. */
export type Citation = { id: string; file: string; title: string }

type Node = {
  type?: string
  value?: string
  quasis?: { cooked?: string }[]
  arguments?: { expression: Node }[]
  callee?: Node
  object?: Node
  property?: Node
}

/**
 * The ids that the titles of a test file cite: `test('… [H-07]', …)`, `describe('… [T-01 T-02]', …)`,
 * `test.each(…)('… [P-003]', …)`. A title is the text of a call that is followed by a function; ids in comments, tables
 * and other texts judge nothing and do not count, nor does what is skipped.
 */
export function citationsIn(source: string, file: string): Citation[] {
  return titlesIn(parseSync(source, { syntax: 'typescript' })).flatMap((title) =>
    [...title.matchAll(/\[([HTIMLPWBR]-[^\]]*)\]/g)].flatMap(([, ids]) =>
      ids!.split(/\s+/).map((id) => ({ id, file, title })),
    ),
  )
}

function titlesIn(node: object): string[] {
  const { type, arguments: given } = node as Node
  if (isSkipped(node)) return []
  const [title, body] = type === 'CallExpression' ? (given ?? []).map(({ expression }) => expression) : []
  const own = title && body && /^(Arrow)?Function/.test(body.type ?? '') ? textOf(title) : undefined
  const below = Object.values(node).flatMap((child) => (child && typeof child === 'object' ? titlesIn(child) : []))
  return own === undefined ? below : [own, ...below]
}

function textOf({ type, value, quasis }: Node): string | undefined {
  if (type === 'StringLiteral') return value
  return type === 'TemplateLiteral' ? quasis!.map(({ cooked }) => cooked).join('…') : undefined
}

/** `test.skip(…)`, `test.todo.each(…)(…)`, `xdescribe(…)` */
function isSkipped({ callee, object, property, value }: Node): boolean {
  if (callee) return isSkipped(callee)
  if (object) return isSkipped(object) || /^(skip|todo)$/.test(property?.value ?? '')
  return /^x(test|it|describe)$/.test(value ?? '')
}
