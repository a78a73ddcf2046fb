import { acceptedContent } from '@modelcontextprotocol/server'
import type { Prompt } from '../src/prompts/prompt.ts'
import type { ResourceSource } from '../src/resources/resource-source.ts'
import { embedded, form, image, PNG, text } from './conformance-tools.ts'

/** What the official suite asks for by name, as prompts and resources. */

type Content = { type: 'text'; text: string } | typeof image | ReturnType<typeof embedded>
const prompt = (name: string, args: string[], get: (args: Record<string, string>) => Content[]): Prompt => ({
  name,
  description: `What the suite asks of ${name}`,
  arguments: args.map((argument) => ({ name: argument, required: true })),
  get: async (given) => ({ messages: get(given).map((content) => ({ role: 'user' as const, content })) }),
})

export const conformancePrompts: Prompt[] = [
  prompt('test_simple_prompt', [], () => [text('This is a simple prompt for testing.')]),
  prompt('test_prompt_with_arguments', ['arg1', 'arg2'], ({ arg1, arg2 }) => [
    text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`),
  ]),
  prompt('test_prompt_with_embedded_resource', ['resourceUri'], ({ resourceUri }) => [
    embedded(resourceUri!, 'text/plain', 'Embedded resource content for testing.'),
    text('Please process the embedded resource above.'),
  ]),
  prompt('test_prompt_with_image', [], () => [image, text('Please analyze the image above.')]),
  {
    name: 'test_input_required_result_prompt',
    description: 'What the suite asks of test_input_required_result_prompt',
    arguments: [],
    get: async (_args, client) => {
      const context = acceptedContent(client.answers, 'user_context')?.context
      if (context === undefined)
        return client.ask({ user_context: form('What context?', { context: { type: 'string' } }, ['context']) })
      return { messages: [{ role: 'user', content: text(`Use ${context}`) }] }
    },
  },
]

const PREFIX = 'test://'
const KNOWN: Record<string, { mimeType: string; text: string } | { mimeType: string; blob: string }> = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: PNG },
  'test://watched-resource': { mimeType: 'text/plain', text: 'Watched resource content' },
}

export const conformanceResources: ResourceSource = {
  prefix: PREFIX,
  templates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  list: async () => ({
    resources: Object.entries(KNOWN).map(([uri, { mimeType }]) => ({ uri, name: uri.slice(PREFIX.length), mimeType })),
  }),
  read: async (_reader, uri) => {
    const known = KNOWN[uri]
    if (known) return [{ uri, ...known }]
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
    if (id === undefined) return undefined
    const data = { id, templateTest: true, data: `Data for ID: ${id}` }
    return [{ uri, mimeType: 'application/json', text: JSON.stringify(data) }]
  },
}
