import { describe, expect, test } from '@jest/globals'
import { type Completion, startSimulator, user } from '../test/simulator-client.ts'

const tool = (name: string, properties: object, required = Object.keys(properties)) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties, required } },
})
const city = { city: { type: 'string' } }
const tools = [tool('get_weather', city), tool('get_time', city), tool('book_table', {})]
const callsOf = ({ choices }: Completion) =>
  choices[0]?.message.tool_calls?.map(({ function: { name, arguments: args } }) => [name, JSON.parse(args)])

async function ask(prompt: string, fields: object, more: object[] = []) {
  await using simulator = await startSimulator()
  const completion = await simulator.complete({ messages: [user(prompt), ...more], tools, ...fields })
  return { calls: callsOf(completion), finish: completion.choices[0]?.finish_reason }
}
const named = (name: string) => ({ tool_choice: { type: 'function', function: { name } } })

describe('tool_choice [H-61]', () => {
  test('auto leaves it to the prompt, none forbids', async () => {
    expect((await ask('How is the weather?', { tool_choice: 'auto' })).calls).toBeUndefined()
    expect((await ask('Call get_time', { tool_choice: 'auto' })).calls).toEqual([
      ['get_time', { city: 'Call get_time' }],
    ])
    expect((await ask('Call get_time', { tool_choice: 'none' })).calls).toBeUndefined()
  })

  test('required calls what the prompt asks for, else what shares a word with it, else the first', async () => {
    const prompt = 'The weather and the time in Tokyo?'
    const both = [
      ['get_weather', { city: prompt }],
      ['get_time', { city: prompt }],
    ]
    expect(await ask(prompt, { tool_choice: 'required' })).toEqual({ calls: both, finish: 'tool_calls' })
    const asked = await ask('Use book_table at this time', { tool_choice: 'required' })
    expect(asked.calls).toEqual([['book_table', {}]])
    expect((await ask('Hi', { tool_choice: 'required' })).calls).toEqual([['get_weather', { city: 'Hi' }]])
  })

  test('required calls again where results are there already', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'get_time', arguments: '{}' } }
    const results = [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: 'noon' },
    ]
    expect((await ask('The time?', {}, results)).calls).toBeUndefined()
    expect((await ask('The time?', { tool_choice: 'required' }, results)).calls).toHaveLength(1)
  })

  test('a named function is called, and no other', async () => {
    expect(await ask('The weather?', named('get_time'))).toEqual({
      calls: [['get_time', { city: 'The weather?' }]],
      finish: 'tool_calls',
    })
  })

  test('parallel_tool_calls: false leaves one call', async () => {
    const one = { tool_choice: 'required', parallel_tool_calls: false }
    expect((await ask('The weather and the time?', one)).calls).toEqual([
      ['get_weather', { city: 'The weather and the time?' }],
    ])
    expect((await ask('get_time and get_weather', { parallel_tool_calls: false })).calls).toHaveLength(1)
  })

  test('a script plays its calls whatever is chosen', async () => {
    await using simulator = await startSimulator()
    const turn = {
      tool_calls: [
        { name: 'get_time', arguments: {} },
        { name: 'other', arguments: {} },
      ],
    }
    const fields = { tools, tool_choice: 'none', parallel_tool_calls: false }
    expect(callsOf(await simulator.complete(fields, [turn]))).toHaveLength(2)
  })
})

test('arguments fit the schema', async () => {
  const properties = {
    guests: { type: 'integer', minimum: 2, maximum: 8 },
    share: { type: 'number', maximum: 0.5 },
    code: { type: 'string', minLength: 8, maxLength: 8 },
    outdoor: { type: 'boolean' },
    when: { oneOf: [{ type: 'object', properties: { day: { enum: ['mon', 'tue'] } } }, { type: 'null' }] },
    note: { description: 'anything' },
    extra: { type: 'string' },
  }
  const required = Object.keys(properties).slice(0, -1)
  const { calls } = await ask('A table', { tools: [tool('book_table', properties, required)], ...named('book_table') })
  const args = { guests: 2, share: 0.5, code: 'A table.', outdoor: true, when: { day: 'mon' }, note: 'A table' }
  expect(calls).toEqual([['book_table', args]])
})

test('a tool that is called like a built-in one, but takes something else, gets what it takes', async () => {
  const other = [tool('google_search', { query: { type: 'string' } })]
  expect((await ask('Search for cats', { tools: other, ...named('google_search') })).calls).toEqual([
    ['google_search', { query: 'Search for cats' }],
  ])
})
