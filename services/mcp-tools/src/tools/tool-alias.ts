import { createHash } from 'node:crypto'

/** What every model API takes as the name of a function. */
const FITS = /^[A-Za-z0-9_-]{1,64}$/
const LONGEST = 64
const HASH_LENGTH = 8

/**
 * The name under which a tool of a server is offered: `<server>__<tool>` where that fits, else what can be read of it
 * and a hash of both names, so that it is the same on every replica and after a restart. Aliases are reversed by the
 * table of tools that they were made for: the name of a row leads to the tool behind it.
 */
export function aliasOf(server: string, tool: string): string {
  const name = `${server}__${tool}`
  if (FITS.test(name)) return name
  // With a separator that neither can hold: `a` + `b__c` is not `a__b` + `c`.
  const hash = createHash('sha256')
    .update(JSON.stringify([server, tool]))
    .digest('hex')
    .slice(0, HASH_LENGTH)
  const readable = name.normalize('NFKD').replace(/[^A-Za-z0-9_-]+/g, '_')
  return `${readable.slice(0, LONGEST - HASH_LENGTH - 1)}_${hash}`
}
