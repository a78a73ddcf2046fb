import { BUILT_IN } from '../tools/offered-tool.ts'
import type { Policy } from './policy.ts'

/** Who is known may use everything; who is not, what is ours and costs nothing. */
export const defaultPolicy: Policy = {
  decide: ({ caller }, { server, paid }) => {
    const isKnown = caller.kind === 'user' || caller.kind === 'key'
    return isKnown || (server === BUILT_IN && !paid) ? 'allow' : 'deny'
  },
}
