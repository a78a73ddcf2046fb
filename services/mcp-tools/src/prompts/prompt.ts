import type { GetPromptResult, InputRequiredResult } from '@modelcontextprotocol/server'
import type { Client } from '../tools/client.ts'

export type PromptArgument = {
  name: string
  description?: string
  required?: boolean
  /** What it may be, where that is a list: other values are refused, and clients are offered these. */
  values?: string[]
}

/** A text that people start from: clients show it as a command or a menu entry. */
export type Prompt = {
  name: string
  title?: string
  description?: string
  arguments: PromptArgument[]
  /** @param args checked against `arguments` */
  get(args: Record<string, string>, client: Client): Promise<GetPromptResult | InputRequiredResult>
}
