import type { CompleteResult } from '@modelcontextprotocol/server'
import type { Prompt } from './prompt.ts'

/** The protocol's limit. */
const MOST = 100

type Input = { prompt: string; argument: string; typed: string }

/** What an argument of a prompt may go on as; nothing where it is free text. */
export function completeArgument(prompts: readonly Prompt[], { prompt, argument, typed }: Input): CompleteResult {
  const known = prompts.find(({ name }) => name === prompt)?.arguments.find(({ name }) => name === argument)
  const start = typed.toLowerCase()
  const fitting = known?.values?.filter((value) => value.toLowerCase().startsWith(start)) ?? []
  return { completion: { values: fitting.slice(0, MOST), total: fitting.length, hasMore: fitting.length > MOST } }
}
