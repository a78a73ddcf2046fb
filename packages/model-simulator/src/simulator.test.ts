import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { startSimulator, until, user } from '../test/simulator-client.ts'
import { createSimulator } from './simulator.ts'

test('the models say that nothing thinks here [H-26 H-61]', async () => {
  await using simulator = await startSimulator()
  const model = { id: 'jan-simulator', object: 'model', owned_by: 'jan-simulator (scripted, not a model)' }
  expect(await (await simulator.get('/v1/models?limit=9')).json()).toMatchObject({ object: 'list', data: [model] })
  expect(await (await simulator.get('/v1/models/jan-simulator')).json()).toMatchObject(model)
  const unknown = await simulator.get('/v1/models/meta/llama')
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }])
  expect(await (await simulator.get('/healthz')).json()).toEqual({ status: 'ok' })
})

describe('embeddings [H-61]', () => {
  type Embeddings = { data: { index: number; embedding: number[] | string }[]; usage: { total_tokens: number } }
  const embed = async (fields: object) => {
    await using simulator = await startSimulator()
    const response = await simulator.post('/v1/embeddings', { model: 'jan-simulator', ...fields })
    return { status: response.status, body: (await response.json()) as Embeddings }
  }
  const vectors = async (input: unknown) =>
    (await embed({ input })).body.data.map(({ embedding }) => embedding as number[])
  const nearness = (a: number[] = [], b: number[] = []) => a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)

  test('are the same for the same text, of length 1, and nearer for texts that share words', async () => {
    const [cat, again, sameWords, other] = await vectors(['a cat sat', 'a cat sat', 'the cat sat', 'stock prices'])
    expect(again).toEqual(cat)
    expect(cat).toHaveLength(384)
    expect(nearness(cat, cat)).toBeCloseTo(1)
    expect(nearness(cat, sameWords)).toBeGreaterThan(nearness(cat, other) + 0.3)
  })

  test('come as base64 of little-endian 32-bit floats', async () => {
    const fields = { input: 'hello world', dimensions: 16 }
    const [float, base64] = [await embed(fields), await embed({ ...fields, encoding_format: 'base64' })]
    const bytes = Buffer.from(base64.body.data[0]?.embedding as string, 'base64')
    const decoded = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
    expect(decoded).toEqual(float.body.data[0]?.embedding)
    expect(base64.body.usage.total_tokens).toBe(3)
  })

  test.each([
    [{}],
    [{ input: '' }],
    [{ input: [] }],
    [{ input: 'x', dimensions: 0 }],
    [{ input: 'x', encoding_format: 'hex' }],
  ])('are refused for %j', async (fields) => {
    expect((await embed(fields)).status).toBe(400)
  })
})

describe('the request log', () => {
  test('shows what reached the model, without the authorization value', async () => {
    await using simulator = await startSimulator()
    const body = { model: 'jan-simulator', messages: [user('Hi')] }
    await simulator.post('/v1/chat/completions', body, { authorization: 'Bearer secret-value', 'x-request-id': 'r1' })
    await simulator.post('/v1/embeddings', '{"broken')
    const log = await simulator.log()
    expect(log).toMatchObject({
      in_flight: 0,
      requests: [
        { method: 'POST', url: '/v1/chat/completions', body, cut_off: false },
        { method: 'POST', url: '/v1/embeddings', cut_off: false },
      ],
    })
    expect(log.requests[0]?.headers).toMatchObject({ authorization: '[present]', 'x-request-id': 'r1' })
    expect(log.requests[1]?.headers).not.toHaveProperty('authorization')
    expect(JSON.stringify(log)).not.toContain('secret-value')
  })

  test('can be emptied', async () => {
    await using simulator = await startSimulator()
    await simulator.chat({})
    expect((await simulator.log()).requests).toHaveLength(1)
    expect((await fetch(`${simulator.url}/simulator/requests`, { method: 'DELETE' })).status).toBe(200)
    expect(await simulator.log()).toEqual({ in_flight: 0, requests: [] })
  })
})

test('a client that leaves while it sends its request does no harm', async () => {
  await using simulator = await startSimulator()
  const headers = { 'content-length': '1000' }
  const upload = httpRequest(`${simulator.url}/v1/embeddings`, { method: 'POST', headers }).on('error', () => {})
  upload.write('{"model"')
  await until(simulator.log, ({ in_flight }) => in_flight === 1)
  upload.destroy()
  const log = await until(simulator.log, ({ in_flight }) => in_flight === 0)
  expect(log).toMatchObject({ requests: [{ cut_off: true }] })
})

test('closing breaks off an open stream', async () => {
  const simulator = await startSimulator()
  const response = await simulator.chat({ stream: true }, [{ text: 'one', fault: 'hang', after_chunks: 1 }])
  simulator.close()
  await expect(response.text()).rejects.toThrow()
  await expect(simulator.get('/healthz')).rejects.toThrow()
})

test('a taken port is an error of listen', async () => {
  await using simulator = await startSimulator()
  const port = Number(new URL(simulator.url).port)
  await expect(createSimulator().listen(port, '127.0.0.1')).rejects.toThrow('EADDRINUSE')
})

describe('the program', () => {
  const start = (env: object) => {
    const child = spawn('node', [join(import.meta.dirname, 'main.ts')], { env: { ...process.env, ...env } })
    const output = { text: '' }
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output.text += data))
    const exited = once(child, 'exit')
    const stop = async () => {
      child.kill('SIGTERM')
      await exited
    }
    return { child, output, exited, [Symbol.asyncDispose]: stop }
  }

  test('reads its script file, says where it listens and stops on SIGTERM', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'simulator script '))
    const file = join(folder.path, 'script.json')
    await writeFile(file, JSON.stringify([{ text: 'from the file' }]))
    await using program = start({ SIMULATOR_PORT: '0', SIMULATOR_SCRIPT: file })
    const { child, output, exited } = program
    await until(
      async () => output.text,
      (text) => text.includes('\n'),
    )
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output.text)?.[0]
    const body = JSON.stringify({ model: 'jan-simulator', messages: [user('Hi')] })
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'from the file' } }] })
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    expect(output.text.trim().split('\n')).toHaveLength(1)
  })

  test('says in one line what is wrong with its script and ends with 1', async () => {
    const { output, exited } = start({ SIMULATOR_PORT: '0', SIMULATOR_SCRIPT: '/nowhere/script.json' })
    expect(await exited).toEqual([1, null])
    expect(output.text).toMatch(/^jan-simulator: .*\/nowhere\/script\.json.*\n$/)
  })
})
