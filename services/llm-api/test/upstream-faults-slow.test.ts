import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { completion, sendJson } from './fake-provider.ts'
import { jsonOf, type OnCall } from './fixtures/any-provider.ts'
import { type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** Providers that send a little now and then, to keep a connection busy; every limit is a second here. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels()
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

/** Sends one piece after another, `ms` apart, the last one again and again. */
const drip =
  (ms: number, ...pieces: string[]): OnCall =>
  (response, { left }) => {
    const { socket } = response
    let at = 0
    const timer = setInterval(() => socket?.write(pieces[Math.min(at++, pieces.length - 1)]!), ms)
    void left.then(() => clearInterval(timer))
  }

/** Asks all at a time: waits are long. */
async function askAll(answers: OnCall[]) {
  const byModel = new Map(answers.map((onCall) => [many.fresh(), onCall]))
  many.provider.onCall = (response, call) => byModel.get(String(jsonOf(call).model).slice(4))!(response, call)
  const since = performance.now()
  const asked = [...byModel.keys()].map(async (model) => {
    const answer = await many.chat(model)
    return { model, status: answer.status, json: (await answer.json()) as unknown, ms: performance.now() - since }
  })
  const seen = await Promise.all(asked)
  await Promise.all(many.provider.calls.map(({ left }) => left))
  return seen
}

test('the limit of a head holds, whatever comes in place of one [L-042 L-026]', async () => {
  const seen = await askAll([
    drip(50, 'HTTP/1.1 200 OK\r\n', 'x-a', ':', ' 1\r\nx-b: 2', '3'),
    drip(50, 'HTTP/1.1 200 OK\r\n', 'x-a: 1\r\n'),
    drip(50, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    () => undefined,
  ])
  expect(seen.map(({ status }) => status)).toEqual([504, 504, 504, 504])
  expect(Math.max(...seen.map(({ ms }) => ms))).toBeLessThan(8_000)
})

test('silence in the middle of an answer is 504, wherever that is [L-042 L-026]', async () => {
  const begun =
    (text: string): OnCall =>
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      if (text) response.write(text)
    }
  for (const { model, ...answer } of await askAll(['', '{"id":', ' '].map(begun))) {
    expect(answer).toMatchObject({ status: 504, json: { error: { code: 'upstream_timeout' } } })
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed', status: 504 }])
  }
})

test('an answer that comes slowly is waited for, as long as something comes [L-042]', async () => {
  const whole = JSON.stringify(completion('x'))
  many.provider.onCall = async (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    for (let at = 0; at < whole.length; at += 60) {
      response.write(whole.slice(at, at + 60))
      await new Promise((done) => setTimeout(done, 400))
    }
    response.end()
  }
  const answer = await many.chat(many.fresh())
  expect([answer.status, await answer.text()]).toEqual([200, whole])
})

test('a refusal whose text never comes is that refusal [L-042]', async () => {
  many.provider.onCall = (response) =>
    response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '9' }).write('{"error":{"mess')
  const answer = await many.chat(many.fresh())
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '9'])
})

test('a refusal of any length is told in a few words [L-042]', async () => {
  many.provider.onCall = (response) => sendJson(response, 400, { error: { message: 'x'.repeat(10_000_000) } })
  const answer = await many.chat(many.fresh())
  expect([answer.status, (await answer.text()).length < 10_000]).toEqual([400, true])
  many.provider.onCall = (response) => sendJson(response, 400, { error: { message: 'y'.repeat(50_000) } })
  const long = await many.chat(many.fresh())
  expect([long.status, (await long.text()).length < 10_000]).toEqual([400, true])
})
