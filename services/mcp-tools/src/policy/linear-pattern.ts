/** Whether the whole of a text fits. */
export type Matches = (text: string) => boolean

/** One step of a compiled pattern: a character that must come, or the steps (relative to this one) where to go on. */
type Step = { fits: (character: string) => boolean } | { to: number[] }

export const LONGEST_PATTERN = 500
const MOST_STEPS = 1_000
const ANY: Step = { fits: () => true }
const repeated = (what: Step[]): Step[] => [{ to: [1, what.length + 2] }, ...what, { to: [-what.length - 1] }]

/** `*` is any text, `?` any character. Without a `?` it is found piece by piece, as early as it can be. */
export function compileGlob(glob: string): Matches {
  if (glob.includes('?'))
    return run([...glob].flatMap((each) => (each === '*' ? repeated([ANY]) : each === '?' ? [ANY] : [literal(each)])))
  const [first = '', ...rest] = glob.split('*')
  const last = rest.pop()
  if (last === undefined) return (text) => text === glob
  return (text) => {
    if (!text.startsWith(first) || !text.endsWith(last)) return false
    let at = first.length
    for (const piece of rest) {
      const found = text.indexOf(piece, at)
      if (found < 0) return false
      at = found + piece.length
    }
    return at <= text.length - last.length
  }
}

/**
 * A regular expression that is matched in time that grows with the text and not with what could be made of it: all ways
 * are walked at once (Thompson). So it has characters, classes, groups, `|` and quantifiers, and neither look-around nor
 * references; it is always about the whole text. @throws SyntaxError in words for whoever wrote it
 */
export function compileRegex(source: string, { ignoreCase = false } = {}): Matches {
  const flags = ignoreCase ? 'isu' : 'su'
  let at = 0
  const take = (token: RegExp) => {
    token.lastIndex = at
    const found = token.exec(source)
    if (found) at += found[0].length
    return found
  }
  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at character ${at + 1}`)
  }

  const alternatives = (): Step[] => {
    const first = sequence()
    if (!take(/\|/y)) return first
    const rest = alternatives()
    return bounded([{ to: [1, first.length + 2] }, ...first, { to: [rest.length + 1] }, ...rest])
  }

  const sequence = (): Step[] => {
    const steps: Step[] = []
    while (at < source.length && !/[|)]/.test(source[at]!)) steps.push(...quantified(atom()))
    return bounded(steps)
  }

  const atom = (): Step[] => {
    if (take(/\((?!\?)|\(\?:/y)) {
      const inner = alternatives()
      if (!take(/\)/y)) fail('expected )')
      return inner
    }
    const found = take(ATOM)?.[0] ?? fail(`'${source[at]}' is not understood here`)
    // Letter by letter a class cannot hang, so what it holds is left to the engine.
    const whole = ignoreCase || /^[\\[.]/.test(found) ? new RegExp(`^${found}$`, flags) : undefined
    return [whole ? { fits: (character) => whole.test(character) } : literal(found)]
  }

  const quantified = (what: Step[]): Step[] => {
    const found = take(QUANTIFIER)
    if (!found) return what
    const [, sign, least = '0', comma, most = ''] = found
    if (sign === '*') return bounded(repeated(what))
    if (sign === '+') return bounded([...what, { to: [-what.length, 1] }])
    if (sign === '?') return bounded(optional(what))
    const [from, until] = [Number(least), comma === undefined ? Number(least) : Number(most || least)]
    if (until < from || what.length * until > MOST_STEPS) fail('this is too much to repeat')
    const must = Array.from({ length: from }, () => what).flat()
    if (comma !== undefined && most === '') return bounded([...must, ...repeated(what)])
    return bounded([...must, ...Array.from({ length: until - from }, () => optional(what)).flat()])
  }

  const bounded = (steps: Step[]): Step[] => (steps.length > MOST_STEPS ? fail('the pattern is too large') : steps)

  if (source.length > LONGEST_PATTERN) fail(`longer than ${LONGEST_PATTERN} characters`)
  const steps = alternatives()
  if (at < source.length) fail("')' without '('")
  return run(steps)
}

/** A letter, an escape or a class. Anchors are none: a pattern is about the whole text anyway. */
const ATOM =
  /\\(?:[dDwWsSnrtfv]|[pP]\{[A-Za-z_=]+\}|u\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[\^$\\.*+?()[\]{}|/])|\[\^?(?:\\.|[^\]\\])+\]|\.|[^\\^$.|?*+()[\]{}]/uy
const QUANTIFIER = /([*+?])|\{(\d{1,4})(,)?(\d{1,4})?\}/y

const literal = (character: string): Step => ({ fits: (each) => each === character })
const optional = (what: Step[]): Step[] => [{ to: [1, what.length + 1] }, ...what]

/** All ways at once, each step at most once for each character. */
function run(steps: Step[]): Matches {
  const reach = (from: number[], into: Set<number>) => {
    const open = [...from]
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (into.has(index)) continue
      into.add(index)
      const step = steps[index]
      if (step && 'to' in step) for (const by of step.to) open.push(index + by)
    }
    return into
  }
  const start = [...reach([0], new Set())]
  return (text) => {
    let here: Iterable<number> = start
    for (const character of text) {
      const next = new Set<number>()
      for (const index of here) {
        const step = steps[index]
        if (step && 'fits' in step && step.fits(character)) reach([index + 1], next)
      }
      if (next.size === 0) return false
      here = next
    }
    return [...here].includes(steps.length)
  }
}
