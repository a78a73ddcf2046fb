import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from '@jest/globals'
import { type BridgeService, startBridge } from './bridge-start.ts'
import { type Exchange, type McpServer, startMcpServer, wordsOf } from './mcp-server.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})
const keep = <T extends { close(): Promise<void> }>(thing: T): T => {
  opened.push(thing)
  return thing
}
const server = async (before?: (exchange: Exchange) => boolean): Promise<McpServer> => {
  const made = keep(await startMcpServer())
  if (before) made.state.before = before
  return made
}
const bridge = async (...args: Parameters<typeof startBridge>): Promise<BridgeService> =>
  keep(await startBridge(...args))

const HANGING: Record<string, (exchange: Exchange) => boolean> = {
  'at once': () => true,
  'after its head': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{')
    return true
  },
  'when it lists': ({ message }) => message.method === 'tools/list',
}

test.each(Object.keys(HANGING))(
  'of twenty servers those that hang %s keep nobody from the others [B-101]',
  async (how) => {
    const greeted: string[] = []
    const hanging = await server((exchange) => {
      greeted.push(exchange.message.method)
      return HANGING[how]!(exchange)
    })
    const good = await server()
    const named = (stem: string, { url }: McpServer, count: number) =>
      Array.from({ length: count }, (_, n) => ({ name: `${stem}${n}`, url }))
    // Whoever waits for those that hang waits longer than this test may take.
    const env = { MCP_SERVER_CONNECT_TIMEOUT: '120s', MCP_SERVER_FIRST_WAIT: '300ms' }
    const jan = await bridge([...named('bad', hanging, 14), ...named('good', good, 6)], env)
    await jan.untilNames(Array.from({ length: 6 }, (_, n) => `good${n}__echo`))
    expect(greeted.length).toBeGreaterThanOrEqual(14)
  },
)

test('a server that never stops saying that its tools are others is listed one at a time, and less and less often [B-101]', async () => {
  let listing = 0
  let most = 0
  let lists = 0
  let greetings = 0
  const far = await server(({ message, result }) => {
    if (message.method === 'initialize') greetings++
    if (message.method !== 'tools/list') return false
    lists++
    most = Math.max(most, ++listing)
    setTimeout(() => {
      listing--
      result({ tools: [wordsOf(`t${lists}`)] })
    }, 50)
    return true
  })
  const jan = await bridge([{ name: 'loud', url: far.url }])
  await jan.untilNames(['loud__t1'])
  for (let times = 0; times < 200; times++) {
    far.tellChanged()
    await sleep(10)
  }
  expect(most).toBe(1)
  expect(greetings).toBe(1)
  expect(lists).toBeLessThanOrEqual(3)
})
