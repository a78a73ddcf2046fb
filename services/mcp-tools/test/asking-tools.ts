import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server'
import { BUILT_IN, type OfferedTool } from '../src/tools/offered-tool.ts'
import type { ToolCall } from '../src/tools/tool.ts'

const row = {
  description: 'For tests',
  inputSchema: { type: 'object' as const, properties: {} },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  server: BUILT_IN,
  paid: false,
  timeoutMs: 45_000,
}
const said = (text: string) => ({ content: [{ type: 'text' as const, text }] })

/** Tools that ask their client, and what they saw of their calls. */
export function createAskingTools() {
  const calls: ToolCall[] = []
  const tools: OfferedTool[] = [
    {
      ...row,
      name: 'ask_name',
      run: async (call) => {
        calls.push(call)
        const { client } = call
        if (!client.can.elicit) return said('nobody can be asked')
        const answer = inputResponse(client.answers, 'name')
        if (answer.kind === 'missing') {
          const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } }
          return client.ask({ name: inputRequired.elicit({ message: 'Who are you?', requestedSchema }) }, { nth: 1 })
        }
        const name = acceptedContent(client.answers, 'name')?.name
        return said(
          name === undefined ? 'they would not say' : `hello ${name}, ${client.state<{ nth: number }>()?.nth}`,
        )
      },
    },
    {
      ...row,
      name: 'ask_all',
      run: async ({ client }) => {
        if (client.answers) {
          const [model, roots] = [inputResponse(client.answers, 'model'), inputResponse(client.answers, 'roots')]
          const text = model.kind === 'sampling' && [model.result.content].flat()[0]
          return said(
            `${text && text.type === 'text' ? text.text : '-'} in ${roots.kind === 'roots' ? roots.roots[0]?.uri : '-'}`,
          )
        }
        return client.ask({
          model: inputRequired.createMessage({
            messages: [{ role: 'user', content: { type: 'text', text: 'A word?' } }],
            maxTokens: 5,
          }),
          roots: inputRequired.listRoots(),
        })
      },
    },
    {
      ...row,
      name: 'talk',
      run: async ({ client }) => {
        for (const level of ['debug', 'info', 'error'] as const) await client.tell(level, `this is ${level}`)
        return said('talked')
      },
    },
  ]
  return { tools, calls }
}
