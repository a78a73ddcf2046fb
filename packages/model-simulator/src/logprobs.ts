import { hash } from 'node:crypto'
import { split } from './tokens.ts'

/** What might have come instead: twenty short words. */
const OTHERS = ' the, a, of, and, to, in, is, it, for, on, with, as, that, this, be, by, at, or, an, are'.split(',')

/** OpenAI's entry for each piece of a text: made up, but the same for the same text. `top` likeliest ones stand beside it. */
export const presentLogprobs = (text: string, top: number) => split(text).map((token, at) => entryOf(token, at, top))

function entryOf(token: string, at: number, top: number) {
  const share = 0.5 + hash('sha256', `${at} ${token}`, 'buffer').readUInt32LE() / 2 ** 33
  const chosen = presentToken(token, share)
  const others = OTHERS.filter((other) => other !== token)
  const tokens = others.map((other, rank) => presentToken(other, (1 - share) / 2 ** (rank + 1)))
  return { ...chosen, top_logprobs: [chosen, ...tokens].slice(0, top) }
}

const presentToken = (token: string, share: number) => ({
  token,
  logprob: Math.log(share),
  bytes: [...Buffer.from(token)],
})
