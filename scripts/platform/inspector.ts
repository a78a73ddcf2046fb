import { join } from 'node:path'
import { placeOf } from './cache.ts'
import { run } from './command.ts'
import type { Ingredient, Part } from './part.ts'

const VERSION = '2.12.0'

/** A hundred megabytes, most of them a page that nobody opens here: too much for everyone's `npm ci`. */
const program: Ingredient = {
  name: `mcp-inspector-${VERSION}`,
  minutes: 1,
  make: (bench, into) => {
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const args = ['install', '--prefix', into, ...quiet, `@modelcontextprotocol/inspector@${VERSION}`]
    return run(bench, 'npm', args, { label: 'inspector', isFetch: true })
  },
}

/** MCP's own inspector, of which the suite uses the command line. */
export const inspector: Part = {
  name: 'inspector',
  needs: [program],
  minutes: 0.5,
  suite: 'tests/parts/inspector.platform.test.ts',
  start: async (bench) => ({
    JAN_TEST_INSPECTOR: join(placeOf(bench, program), 'node_modules/.bin/mcp-inspector'),
  }),
}
