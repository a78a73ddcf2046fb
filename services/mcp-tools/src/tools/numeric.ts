import { z } from 'zod'

/** A number that may be written as a text (`"3"`), as models do; schemas name the number alone. */
export const numeric = <T extends z.ZodType>(number: T) => z.preprocess(readNumber, number)

const readNumber = (value: unknown): unknown =>
  typeof value === 'string' && /^\s*[+-]?\d{1,15}(\.\d{1,15})?\s*$/.test(value) ? Number(value) : value
