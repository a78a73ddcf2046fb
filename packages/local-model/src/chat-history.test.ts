import { expect, test } from '@jest/globals'
import { functionsOf, historyOf } from './chat-history.ts'
import { chatRequestSchema } from './chat-request.ts'

const read = (request: object) =>
  chatRequestSchema.parse({ model: 'm', messages: [{ role: 'user', content: '' }], ...request })

test('what a tool said stands in its call, and one turn is one item [L-014]', () => {
  const call = (id: string) => ({ id, type: 'function', function: { name: 'look', arguments: '{"at":"it"}' } })
  const { messages } = read({
    messages: [
      { role: 'developer', content: 'Be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: 'Wait', tool_calls: [call('1'), call('2')] },
      { role: 'tool', tool_call_id: '2', content: 'two' },
      { role: 'tool', tool_call_id: '1', content: 'one' },
      { role: 'assistant', content: 'Done' },
    ],
  })
  const done = { type: 'functionCall', name: 'look', params: { at: 'it' } }
  expect(historyOf(messages)).toEqual([
    { type: 'system', text: 'Be brief' },
    { type: 'user', text: 'a\nb' },
    { type: 'model', response: ['Wait', { ...done, result: 'one' }, { ...done, result: 'two' }, 'Done'] },
  ])
})

test('tools are offered in the engine’s dialect, unless none may be called [L-014]', () => {
  const parameters = { type: 'object', properties: { at: { anyOf: [{ type: 'string' }, { type: 'null' }] } } }
  const tools = [
    { type: 'function', function: { name: 'look', description: 'Looks', parameters } },
    { type: 'function', function: { name: 'wait', parameters: { type: 'object', properties: {} } } },
  ]
  expect(functionsOf(read({ tools }))).toEqual({
    look: {
      description: 'Looks',
      params: { type: 'object', properties: { at: { oneOf: [{ type: 'string' }, { type: 'null' }] } } },
    },
    wait: {},
  })
  expect(functionsOf(read({ tools, tool_choice: 'none' }))).toBeUndefined()
})
