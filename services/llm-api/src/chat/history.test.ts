import { describe, expect, test } from '@jest/globals'
import type { ChatMessage } from './chat.schema.ts'
import { fitHistory } from './fit-history.ts'
import { assemble } from './instructions.ts'
import { itemsToMessages } from './items-to-messages.ts'
import { messagesToItems } from './messages-to-items.ts'
import { newTurn } from './new-turn.ts'

const user = (content: unknown): ChatMessage => ({ role: 'user', content })
const assistant = (content: unknown, more = {}): ChatMessage => ({ role: 'assistant', content, ...more })
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })

describe('items and messages [L-034 L-036]', () => {
  test('what was kept comes back as it was said, with parallel calls in one message', () => {
    const said = [
      user('süß 🌍'),
      assistant('wait', { tool_calls: [call('a'), call('b')] }),
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'tool', tool_call_id: 'b', content: '2' },
      assistant('done'),
    ]
    expect(itemsToMessages(messagesToItems(said))).toEqual(said)
  })

  test('images and files keep their ids, instructions are not kept', () => {
    const id = `jan_${'0'.repeat(26)}`
    const parts = [
      { type: 'text', text: 'see' },
      { type: 'image_url', image_url: { url: id, detail: 'low' } },
      { type: 'input_file', file_id: id },
    ]
    const items = messagesToItems([{ role: 'system', content: 'x' }, { role: 'developer', content: 'y' }, user(parts)])
    expect(items).toMatchObject([
      {
        content: [
          { type: 'input_text', text: 'see' },
          { type: 'input_image', file_id: id, detail: 'low' },
          { type: 'input_file', file_id: id },
        ],
      },
    ])
    expect(itemsToMessages(items)).toEqual([user(parts)])
  })

  test('a call without its output, an output without its call, and reasoning are not said again', () => {
    const items = [
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'b', output: 'x' },
      { type: 'reasoning', summary: [] },
      { type: 'message', role: 'user', content: 'hi' },
    ]
    expect(itemsToMessages(items)).toEqual([user('hi')])
  })

  test('a call of a server tool is a call and its output', () => {
    const items = [{ type: 'mcp_call', id: 'mcp_1', name: 'get_time', arguments: '{}', output: 'noon' }]
    expect(itemsToMessages(items)).toEqual([
      assistant(null, { tool_calls: [{ ...call('mcp_1'), function: { name: 'get_time', arguments: '{}' } }] }),
      { role: 'tool', tool_call_id: 'mcp_1', content: 'noon' },
    ])
  })
})

describe('the new turn', () => {
  const history = [user('a'), assistant('b')]

  test('is what was sent, but for what is known already [L-045]', () => {
    expect(newTurn(history, [user('c')])).toEqual([user('c')])
    expect(newTurn(history, [...history, user('c')])).toEqual([user('c')])
    expect(newTurn(history, [assistant('b'), user('c')])).toEqual([user('c')])
    expect(newTurn([], [{ role: 'system', content: 's' }, user('c')])).toEqual([user('c')])
  })

  test('a person may say the same thing twice [L-036]', () => {
    expect(newTurn([...history, user('a')], [user('a')])).toEqual([user('a')])
    expect(newTurn(history, [user('a')])).toEqual([user('a')])
  })
})

describe('the history is fitted [L-034]', () => {
  const long = (text: string) => text.repeat(400)
  const history = [user(long('a')), assistant(long('b')), user(long('c')), assistant(long('d'))]

  test('all of it goes where nobody knows the context, or where there is room', () => {
    const rest = { messages: [user('x')] }
    expect(fitHistory(history, { contextLength: undefined, maxTokens: undefined, rest })).toEqual(history)
    expect(fitHistory(history, { contextLength: 100_000, maxTokens: undefined, rest })).toEqual(history)
  })

  test('the newest part goes, from something that a person said', () => {
    const rest = { messages: [user('x')] }
    expect(fitHistory(history, { contextLength: 400, maxTokens: 10, rest })).toEqual(history.slice(2))
    // Room for the last answer, but not for what it answers.
    expect(fitHistory(history, { contextLength: 200, maxTokens: 10, rest })).toEqual([])
    // What the answer needs is kept free.
    expect(fitHistory(history, { contextLength: 400, maxTokens: 300, rest })).toEqual([])
  })
})

describe('instructions [L-035]', () => {
  test('nothing changes without any', () => {
    const sent = [{ role: 'developer', content: 'x' }, user('hi')]
    expect(assemble([], [], sent)).toBe(sent)
  })

  test('stand first, in one message with those of the request, and the history before the turn', () => {
    const sent = [{ role: 'system', content: 'own' }, user('hi')]
    expect(assemble(['assistant', 'project'], [user('before'), assistant('b')], sent)).toEqual([
      { role: 'system', content: 'assistant\n\nproject\n\nown' },
      user('before'),
      assistant('b'),
      user('hi'),
    ])
    expect(assemble([], [user('before'), assistant('b')], sent)).toEqual([
      sent[0],
      user('before'),
      assistant('b'),
      user('hi'),
    ])
  })
})
