import { openTable } from './judge-requirements.ts'
import { house } from './requirements/house.ts'
import { identity } from './requirements/identity.ts'
import { llm } from './requirements/llm.ts'
import { mcp } from './requirements/mcp.ts'
import { media } from './requirements/media.ts'
import { promises } from './requirements/promises.ts'
import { responses } from './requirements/responses.ts'
import type { Requirement } from './requirements/row.ts'
import { tools } from './requirements/tools.ts'
import { weaknesses } from './requirements/weaknesses.ts'

/**
 * What this product must do: one row per promise that a test could judge. A test cites the rows it judges in its
 * title: `test('a body that differs is refused [T-07]', …)`. `H` is the house, `T` the tools of our trade, `I` identity
 * and the gateway, `M` media, `L` llm-api, `B` mcp-tools, `R` response-api, `W` what went wrong in llm-api before, `P` what users were promised. `node tests/requirements.ts` lists what is open;
 * `tests/requirements.test.ts` keeps the list true.
 */
export const requirements: Requirement[] = [
  ...house,
  ...tools,
  ...identity,
  ...media,
  ...llm,
  ...mcp,
  ...responses,
  ...weaknesses,
  ...promises,
]

if (import.meta.main) process.stdout.write(openTable(requirements))
