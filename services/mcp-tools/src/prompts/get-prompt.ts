import { type GetPromptResult, type InputRequiredResult, ProtocolError } from '@modelcontextprotocol/server'
import { RPC } from '../mcp/json-rpc.ts'
import type { Client } from '../tools/client.ts'
import type { Prompt } from './prompt.ts'

type Input = { name: string; args: Record<string, string> }

/** One prompt, filled in. @throws ProtocolError −32602 for a prompt that is not there, and for arguments that do not fit */
export async function getPrompt(
  { prompts }: { prompts: readonly Prompt[] },
  client: Client,
  { name, args }: Input,
): Promise<GetPromptResult | InputRequiredResult> {
  const prompt = prompts.find((each) => each.name === name)
  if (!prompt) throw new ProtocolError(RPC.invalidParams, `Unknown prompt: ${name}`)
  const problems = problemsOf(prompt, args)
  if (problems.length > 0)
    throw new ProtocolError(RPC.invalidParams, `Invalid arguments for the prompt ${name}: ${problems.join('; ')}`)
  return prompt.get(args, client)
}

function problemsOf(prompt: Prompt, args: Record<string, string>): string[] {
  const known = new Set(prompt.arguments.map(({ name }) => name))
  const unknown = Object.keys(args).filter((name) => !known.has(name))
  return [
    ...unknown.map((name) => `${name} is not an argument`),
    ...prompt.arguments.flatMap(({ name, required, values }) => {
      const value = args[name]
      if (value === undefined || value.trim() === '') return required ? [`${name} is missing`] : []
      return values && !values.includes(value) ? [`${name} must be one of ${values.join(', ')}`] : []
    }),
  ]
}
