import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import OpenAI from 'openai'
import { launch, stopBackground } from './command-background.ts'
import { readStream, say, section, show, shown } from './demo-print.ts'
import { heedInterrupts, unlessAborted } from './interrupted.ts'
import type { Layout } from './layout.ts'
import { modelOf, usesSimulator } from './model-choice.ts'
import { readRunning } from './run-file.ts'

/** Walks the platform's main job through the gateway with real calls, and shows each call and its answer. @throws Error at the first answer that is not what it should be, Interrupted by Ctrl-C; in either case it stops what it has started */
export async function runDemo(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const began = Date.now()
  const signal = heedInterrupts()
  const isUp = readRunning(layout) !== undefined
  if (isUp) say('A platform is up already; the demo uses it.')
  else {
    say('Starting the platform …')
    await launch(layout, env, signal)
    say(`Ready in ${seconds(began)} s.`)
  }
  const pages = await servePages(layout)
  try {
    await unlessAborted(walk(layout, env), signal)
    say(
      `\nDone in ${seconds(began)} s: identity, media, chat, an agent run with tools, MCP, and the OpenAI SDK, all through http://localhost:${layout.ports.gateway}.`,
    )
  } finally {
    pages.close()
    if (!isUp) await stopBackground(layout)
  }
}

const seconds = (since: number) => ((Date.now() - since) / 1000).toFixed(1)

type Stage = {
  gateway: string
  pageUrl: string
  csv: string
  image: Buffer
  model: string
  token: string
  mediaId: string
}

async function walk(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const example = (name: string) => readFileSync(join(layout.root, 'examples', name))
  const stage: Stage = {
    gateway: `http://localhost:${layout.ports.gateway}`,
    pageUrl: `http://localhost:${layout.ports.examples}/release-notes.html`,
    csv: example('sales.csv').toString().trim(),
    image: example('chart.png'),
    model: usesSimulator(env) ? 'jan-v1-4b' : (modelOf(env) ?? ''),
    token: '',
    mediaId: '',
  }
  if (usesSimulator(env)) say('No model is configured, so jan-simulator answers: a script, not a model.')
  if (!stage.model) throw new Error('Set JAN_MODEL to the model that the demo shall use')
  await logIn(stage)
  await uploadImage(stage)
  await chatAboutImage(stage)
  const id = await runAgent(stage)
  await readRun(stage, id)
  await useMcp(stage)
  await useSdk(stage)
}

type Call = { method?: string; path: string; body?: unknown; accept?: string }

async function call(stage: Stage, { method = 'POST', path, body, accept }: Call): Promise<Response> {
  show('→', `${method} ${stage.gateway}${path}`, body)
  return fetch(`${stage.gateway}${path}`, {
    method,
    headers: {
      ...(stage.token ? { authorization: `Bearer ${stage.token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(accept ? { accept } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function answer<T>(response: Response, status: number): Promise<T> {
  const text = await response.text()
  show('←', String(response.status), parsed(text))
  if (response.status !== status) throw new Error(`Expected ${status}, got ${response.status}`)
  return parsed(text) as T
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function require(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`The demo expected ${what}`)
}

async function logIn(stage: Stage): Promise<void> {
  section('1. A guest logs in: no registration, a real access token of the realm')
  const guest = await answer<{ access_token: string }>(await call(stage, { path: '/auth/guest-login', body: {} }), 201)
  stage.token = guest.access_token
}

async function uploadImage(stage: Stage): Promise<void> {
  section('2. An image becomes a jan_* object')
  const body = {
    source: { type: 'data_url', data_url: `data:image/png;base64,${stage.image.toString('base64')}` },
    filename: 'chart.png',
  }
  const media = await answer<{ id: string }>(await call(stage, { path: '/v1/media', body }), 200)
  require(/^jan_/.test(media.id), 'a jan_ id')
  stage.mediaId = media.id
}

async function chatAboutImage(stage: Stage): Promise<void> {
  section('3. Chat about it: by its bare id, then streaming and by placeholder')
  const ask = (url: string, stream: boolean) => ({
    model: stage.model,
    stream,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is in this image?' },
          { type: 'image_url', image_url: { url } },
        ],
      },
    ],
  })
  const completion = await answer<{ choices: { message: { content: string } }[] }>(
    await call(stage, { path: '/v1/chat/completions', body: ask(stage.mediaId, false) }),
    200,
  )
  require(completion.choices[0]?.message.content, 'an answer')
  const stream = await call(stage, { path: '/v1/chat/completions', body: ask(`data:image/png;${stage.mediaId}`, true) })
  require(stream.ok, 'a stream')
  const events = await readStream(stream)
  const text = events
    .flatMap(
      (event) => (event.data as { choices?: { delta: { content?: string } }[] }).choices?.[0]?.delta.content ?? [],
    )
    .join('')
  show('←', `${stream.status}, ${events.length} chunks, then data: [DONE]`, text)
  require(text, 'text in the chunks')
}

type ResponseObject = {
  id: string
  status: string
  output: { type: string; name?: string; status?: string; content?: { text: string }[] }[]
}

async function runAgent(stage: Stage): Promise<string> {
  section('4. An agent run: the tools are executed on the server, the events are streamed')
  const input = `Search for open source LLM servers, scrape ${stage.pageUrl} and run python to analyse this CSV:\n\`\`\`csv\n${stage.csv}\n\`\`\``
  const stream = await call(stage, { path: '/v1/responses', body: { model: stage.model, input, stream: true } })
  if (!stream.ok) await answer(stream, 200)
  const events = await readStream(stream)
  for (const event of events) {
    const { item } = event.data as { item?: ResponseObject['output'][number] & { output?: string } }
    if (event.name === 'response.output_item.done' && item)
      show('  ', `${item.type} ${item.name ?? ''} ${item.status ?? ''}`, item.output ?? item.content?.[0]?.text)
  }
  const last = events.at(-1)!
  const { response } = last.data as { response: ResponseObject }
  const numbers = events.map((event) => (event.data as { sequence_number: number }).sequence_number)
  show(
    '←',
    `${stream.status}, ${events.length} events, sequence_number ${numbers[0]}…${numbers.at(-1)}, the last is ${last.name}`,
  )
  require(last.name === 'response.completed', 'response.completed at the end')
  require(numbers.every((number, index) => number === index), 'sequence numbers without a gap')
  require(response.output.some((item) => item.type === 'message'), 'a message')
  return response.id
}

async function readRun(stage: Stage, id: string): Promise<void> {
  section('5. The run is stored: anybody who owns it can read it again')
  const again = await answer<ResponseObject>(await call(stage, { method: 'GET', path: `/v1/responses/${id}` }), 200)
  require(again.status === 'completed', 'a completed run')
}

async function useMcp(stage: Stage): Promise<void> {
  section('6. The same tools for any MCP client')
  const rpc = (id: number, method: string, params?: unknown) => ({
    jsonrpc: '2.0',
    id,
    method,
    ...(params ? { params } : {}),
  })
  const list = await answer<{ result: { tools: { name: string }[] } }>(
    await call(stage, { path: '/v1/mcp', body: rpc(1, 'tools/list') }),
    200,
  )
  require(list.result.tools.some((tool) => tool.name === 'python_exec'), 'python_exec among the tools')
  const body = rpc(2, 'tools/call', { name: 'python_exec', arguments: { code: 'import math; print(math.pi)' } })
  const result = await answer<{ result: { isError?: boolean; content: { text: string }[] } }>(
    await call(stage, { path: '/v1/mcp', body }),
    200,
  )
  require(!result.result.isError && result.result.content[0]?.text.includes('3.14159'), 'pi')
}

async function useSdk(stage: Stage): Promise<void> {
  section('7. The official OpenAI SDK, unchanged: new OpenAI({ baseURL, apiKey })')
  const openai = new OpenAI({ baseURL: `${stage.gateway}/v1`, apiKey: stage.token })
  const chat = await openai.chat.completions.create({
    model: stage.model,
    messages: [{ role: 'user', content: 'Hello!' }],
  })
  show('→', "openai.chat.completions.create({ messages: [{ role: 'user', content: 'Hello!' }] })")
  show('←', `${chat.model}`, chat.choices[0]?.message.content)
  const chunks = await openai.chat.completions.create({
    model: stage.model,
    stream: true,
    messages: [{ role: 'user', content: 'Hello again!' }],
  })
  let streamed = ''
  for await (const chunk of chunks) streamed += chunk.choices[0]?.delta.content ?? ''
  show('→', 'openai.chat.completions.create({ stream: true, … })')
  show('←', shown(streamed))
  const events = await openai.responses.create({ model: stage.model, input: 'Run python: 6*7', stream: true })
  show('→', "openai.responses.create({ input: 'Run python: 6*7', stream: true })")
  let answered = ''
  for await (const event of events) if (event.type === 'response.output_text.delta') answered += event.delta
  show('←', 'response.output_text.delta …', answered)
  require(answered, 'an answer to the SDK')
}

/** The page that the agent run scrapes: the platform trusts this one address (see OUTBOUND_ALLOW in parts.ts). */
async function servePages(layout: Layout): Promise<{ close(): void }> {
  const server = createServer((request, response) => {
    if (request.url !== '/release-notes.html') return void response.writeHead(404).end()
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end(readFileSync(join(layout.root, 'examples/release-notes.html')))
  })
  await new Promise<void>((done, fail) => server.once('error', fail).listen(layout.ports.examples, '127.0.0.1', done))
  return server
}
