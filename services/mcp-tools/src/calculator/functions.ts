import { Decimal } from 'decimal.js'
import { CalculationError, type Figure, figureOf } from './figure.ts'
import { Exact, Rounded } from './operators.ts'

type Apply = (given: Figure[], position: number) => Figure

export const CONSTANTS = new Map<string, Figure>([
  ['pi', { value: Rounded.acos(-1), rounded: true }],
  ['e', { value: Rounded.exp(1), rounded: true }],
])

/** Beyond this, an angle's digits say nothing of where on the circle it is, and an exponential leaves all bounds. */
const MAX_ANGLE = new Decimal('1e15')
const MAX_EXPONENTIAL = 23_000
const MAX_PLACES = 1_000

const anyRounded = (given: Figure[]) => given.some(({ rounded }) => rounded)

function requireCount(given: Figure[], [least, most]: [number, number], position: number): void {
  if (given.length >= least && given.length <= most) return
  const wanted = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} or ${most}`
  throw new CalculationError(`takes ${wanted} argument${wanted === '1' ? '' : 's'}, not ${given.length}`, position)
}

/** One that loses no digits. */
const exactly =
  (counts: [number, number], work: (values: Decimal[], position: number) => Decimal): Apply =>
  (given, position) => {
    requireCount(given, counts, position)
    const values = given.map(({ value }) => new Exact(value))
    return figureOf(work(values, position), position, anyRounded(given))
  }

/** One of a single number that does. */
const roughly =
  (work: (value: Decimal, position: number) => Decimal): Apply =>
  (given, position) => {
    requireCount(given, [1, 1], position)
    return figureOf(work(new Rounded(given[0]!.value), position), position, true)
  }

const ofAngle = (work: (angle: Decimal) => Decimal) =>
  roughly((angle, position) => {
    if (angle.abs().gt(MAX_ANGLE)) throw new CalculationError('the angle is too large', position)
    return work(angle)
  })

const ofPositive = (work: (value: Decimal) => Decimal) =>
  roughly((value, position) => {
    if (value.lte(0)) throw new CalculationError('a logarithm is of a number above 0', position)
    return work(value)
  })

function root(given: Figure[], position: number): Figure {
  requireCount(given, [1, 1], position)
  const { value, rounded } = given[0]!
  if (value.isNeg() && !value.isZero())
    throw new CalculationError('a root is of a number that is not below 0', position)
  const found = new Rounded(value).sqrt()
  return figureOf(found, position, rounded || !new Exact(found).mul(found).eq(value))
}

/** Halves are rounded away from zero. */
function round([value, places]: Decimal[], position: number): Decimal {
  if (!places) return value!.toDecimalPlaces(0, Decimal.ROUND_HALF_UP)
  if (!places.isInteger() || places.isNeg() || places.gt(MAX_PLACES))
    throw new CalculationError(`places are a whole number from 0 to ${MAX_PLACES}`, position)
  return value!.toDecimalPlaces(places.toNumber(), Decimal.ROUND_HALF_UP)
}

/** Angles are in radians. */
export const FUNCTIONS = new Map<string, Apply>(
  Object.entries({
    sqrt: root,
    abs: exactly([1, 1], ([value]) => value!.abs()),
    round: exactly([1, 2], round),
    floor: exactly([1, 1], ([value]) => value!.floor()),
    ceil: exactly([1, 1], ([value]) => value!.ceil()),
    min: exactly([1, Infinity], (values) => Decimal.min(...values)),
    max: exactly([1, Infinity], (values) => Decimal.max(...values)),
    ln: ofPositive((value) => value.ln()),
    log10: ofPositive((value) => value.log(10)),
    exp: roughly((value, position) => {
      if (value.abs().gt(MAX_EXPONENTIAL)) throw new CalculationError('the result is too large or too small', position)
      return value.exp()
    }),
    sin: ofAngle((angle) => angle.sin()),
    cos: ofAngle((angle) => angle.cos()),
    tan: ofAngle((angle) => angle.tan()),
  }),
)
