import { describe, expect, test } from '@jest/globals'
import { type Completion, startSimulator, user } from '../test/simulator-client.ts'

const tool = (name: string, properties: object = {}, required: string[] = Object.keys(properties)) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties, required } },
})
const builtIn = [
  tool('google_search', { q: { type: 'string' }, num: { type: 'number' } }, ['q']),
  tool('scrape', { url: { type: 'string' } }),
  tool('python_exec', { code: { type: 'string' } }),
]
const callsOf = (completion: Completion) =>
  completion.choices[0]?.message.tool_calls?.map((call) => [call.function.name, JSON.parse(call.function.arguments)])
const textOf = (completion: Completion) => completion.choices[0]?.message.content ?? ''

async function ask(messages: unknown[], fields: object = {}): Promise<Completion> {
  await using simulator = await startSimulator()
  return await simulator.complete({ messages, ...fields })
}

describe('offered tools that the prompt asks for are called', () => {
  test.each<[string, unknown[]]>([
    ['Search for "jan server" on the web.', [['google_search', { q: 'jan server' }]]],
    [
      'Please search the web for tulip prices in 2024, 3 results',
      [['google_search', { q: 'tulip prices in 2024', num: 3 }]],
    ],
    ['Use google_search to find Node releases. Thanks.', [['google_search', { q: 'Node releases' }]]],
    [
      'Search for cats and search for dogs',
      [
        ['google_search', { q: 'cats' }],
        ['google_search', { q: 'dogs' }],
      ],
    ],
    [
      'Look up the moon, then read http://example.com/a?b=1, and compute (2 + 3) * 4.',
      [
        ['google_search', { q: 'the moon' }],
        ['scrape', { url: 'http://example.com/a?b=1' }],
        ['python_exec', { code: 'print((2 + 3) * 4)' }],
      ],
    ],
    [
      'Summarise http://example.com/one and https://example.org/two!',
      [
        ['scrape', { url: 'http://example.com/one' }],
        ['scrape', { url: 'https://example.org/two' }],
      ],
    ],
    ['Run this python:\n```python\nprint("hi")\n```', [['python_exec', { code: 'print("hi")\n' }]]],
    ['Read the CSV at http://a.org/b.csv, please', [['scrape', { url: 'http://a.org/b.csv' }]]],
    ['Calculate 2^10', [['python_exec', { code: 'print(2**10)' }]]],
    ['Call scrape on it', [['scrape', { url: 'Call scrape on it' }]]],
  ])('%s', async (prompt, calls) => {
    const completion = await ask([user(prompt)], { tools: builtIn })
    expect(callsOf(completion)).toEqual(calls)
    expect(completion.choices[0]?.finish_reason).toBe('tool_calls')
  })

  test.each([
    ['a fenced block', 'Analyse the CSV:\n```csv\ncity,people,area\nUlm,10,2.5\n"Bad, Ems",30,\n```'],
    ['lines after CSV:', 'Analyse this CSV:\ncity,people,area\nUlm,10,2.5\n"Bad, Ems",30,\n\nThank you.'],
  ])('with a program that reads the CSV of %s', async (_name, prompt) => {
    const calls = callsOf(await ask([user(prompt)], { tools: builtIn }))
    const csv = JSON.stringify('city,people,area\nUlm,10,2.5\n"Bad, Ems",30,\n')
    const code = expect.stringContaining(`rows = list(csv.DictReader(io.StringIO(${csv})))\nprint(`)
    expect(calls).toEqual([['python_exec', { code }]])
  })

  test('any offered tool by its name, with arguments made from its schema', async () => {
    const tools = [tool('get_time', {}), tool('send_note', { text: { type: 'string' }, copies: { type: 'integer' } })]
    expect(callsOf(await ask([user('Run get_time now')], { tools }))).toEqual([['get_time', {}]])
    const note = await ask([user('Try send_note please')], { tools })
    expect(callsOf(note)).toEqual([['send_note', { text: 'Try send_note please', copies: 1 }]])
    expect(callsOf(await ask([user('the get_times page')], { tools }))).toBeUndefined()
    expect(callsOf(await ask([user('Use constructor')], { tools: [tool('constructor')] }))).toEqual([
      ['constructor', {}],
    ])
  })

  test('but none that is not offered, not wanted or not asked for', async () => {
    expect(callsOf(await ask([user('Search for cats')]))).toBeUndefined()
    expect(callsOf(await ask([user('Search for cats')], { tools: [builtIn[1]] }))).toBeUndefined()
    expect(callsOf(await ask([user('Search for cats')], { tools: builtIn, tool_choice: 'none' }))).toBeUndefined()
    expect(callsOf(await ask([user('Good morning')], { tools: builtIn }))).toBeUndefined()
  })

  test('as tool_choice demands', async () => {
    const required = await ask([user('Good morning')], { tools: builtIn, tool_choice: 'required' })
    expect(callsOf(required)).toEqual([['google_search', { q: 'Good morning' }]])
    const choice = { type: 'function', function: { name: 'scrape' } }
    const prompt = 'Search for cats and read http://example.com/'
    const named = await ask([user(prompt)], { tools: builtIn, tool_choice: choice })
    expect(callsOf(named)).toEqual([['scrape', { url: 'http://example.com/' }]])
  })

  test('one after the other when parallel calls are off', async () => {
    const messages: unknown[] = [user('Search for cats and read http://example.com/a')]
    const fields = { tools: builtIn, parallel_tool_calls: false }
    for (const expected of ['google_search', 'scrape']) {
      const [call, ...more] = (await ask(messages, fields)).choices[0]?.message.tool_calls ?? []
      expect([call?.function.name, more]).toEqual([expected, []])
      messages.push({ role: 'assistant', content: null, tool_calls: [call] })
      messages.push({ role: 'tool', tool_call_id: call?.id, content: `result of ${expected}` })
    }
    expect(textOf(await ask(messages, fields))).toMatch(/result of google_search[\s\S]*result of scrape/)
  })
})

describe('tool results are answered from', () => {
  const after = (...contents: unknown[]) => {
    const calls = contents.map((_, at) => ({
      id: `c${at}`,
      type: 'function',
      function: { name: `tool_${at}`, arguments: '{}' },
    }))
    return [
      user('Go'),
      { role: 'assistant', content: null, tool_calls: calls },
      ...contents.map((content, at) => ({ role: 'tool', tool_call_id: `c${at}`, content })),
    ]
  }

  test('naming each tool and quoting the first part that says something', async () => {
    const search = JSON.stringify({ query: 'x', results: [{ url: 'http://a', snippet: 'A cat is a pet' }] })
    const run = JSON.stringify({ stdout: 'rows: 2\nsum: 40\n', error: '', exit_code: 0 })
    const answer = textOf(await ask(after(search, run, [{ type: 'text', text: 'plain  text' }])))
    expect(answer.split('\n').slice(1)).toEqual([
      '- tool_0 answered: A cat is a pet',
      '- tool_1 answered: rows: 2 sum: 40',
      '- tool_2 answered: plain text',
    ])
  })

  test('saying so when a result is an error, and cutting long ones', async () => {
    const failed = JSON.stringify({ stdout: '', stderr: 'NameError: x', exit_code: 1 })
    const answer = textOf(await ask(after('Error: timed out', '{"error":"no such host"}', failed, 'a'.repeat(1_000))))
    expect(answer.split('\n').slice(1)).toEqual([
      '- tool_0 reported an error: Error: timed out',
      '- tool_1 reported an error: no such host',
      '- tool_2 reported an error: NameError: x',
      `- tool_3 answered: ${'a'.repeat(300)}…`,
    ])
  })
})

describe('facts', () => {
  test.each([
    [['My name is Ada.'], 'What is my name?', 'You told me that your name is Ada.'],
    [['My name is Ada', 'My name is Grace'], "What's my name?", 'You told me that your name is Grace.'],
    [['Hello! my favourite colour is deep blue, mostly'], 'Do you know what my favourite colour is?', 'deep blue'],
    [['Remember that the launch code is 47.11, please.'], 'What is the launch code?', 'launch code is 47.11'],
    [['remember: my dog is Rex'], 'Tell me my dog', 'your dog is Rex'],
    [['Hi'], 'What is my name?', 'You have not told me your name in this conversation.'],
  ])('%j, then %s', async (told, question, answer) => {
    const history = told.flatMap((text) => [user(text), { role: 'assistant', content: 'Noted.' }])
    expect(textOf(await ask([...history, user(question)]))).toContain(answer)
  })
})

describe('images', () => {
  const png =
    'iVBORw0KGgoAAAANSUhEUgAAAEAAAAAwCAAAAACEICPDAAAAGklEQVR4nO3BgQAAAADDoPlTX+AIVQEAAHwDDDAAARSbMNkAAAAASUVORK5CYII='
  const image = (url: string) => ({ type: 'image_url', image_url: { url } })

  test('are named by type, size and bytes; those at an address by the address', async () => {
    const parts = [
      { type: 'text', text: 'What is this?' },
      image(`data:image/png;base64,${png}`),
      image('https://a.org/b'),
    ]
    expect(textOf(await ask([user(parts)]))).toBe(
      'I see an image: PNG, 64×48 pixels, 83 bytes; an image at https://a.org/b.',
    )
  })

  test('cost the same tokens whatever their size', async () => {
    const tokens = async (url: string) => (await ask([user([image(url)])])).usage.prompt_tokens
    expect(await tokens(`data:image/png;base64,${png}`)).toBe(await tokens('https://a.org/b'))
  })
})

test('anything else is quoted by a reply that says who speaks', async () => {
  const answer = textOf(await ask([user(`Good\nmorning ${'x'.repeat(200)}`)]))
  expect(answer).toMatch(/^You said "Good morning x+…"\. I am the scripted simulator jan-simulator, not a model\.$/)
})
