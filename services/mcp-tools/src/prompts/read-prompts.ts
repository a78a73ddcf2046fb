import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Logger } from '@jan/service-kit/logger'
import { parsePrompt } from './parse-prompt.ts'
import type { Prompt } from './prompt.ts'

/** Found from a service that is started in its own folder, too. */
const ROOT = resolve(import.meta.dirname, '../../../..')

/**
 * The prompts of a folder, one in each `.md` file, sorted by name. What is wrong with a file is a line of log and costs
 * the others nothing; so is a folder that is not there.
 */
export function readPrompts(folder: string, log: Logger): Prompt[] {
  const found = [resolve(folder), resolve(ROOT, folder)].find((path) => isFolder(path))
  if (found === undefined) {
    log.warn({ folder }, 'no prompts: the folder of MCP_PROMPTS_DIR cannot be read')
    return []
  }
  const prompts = new Map<string, Prompt>()
  for (const file of readdirSync(found).sort()) {
    if (!file.endsWith('.md')) continue
    const problem = take(prompts, join(found, file))
    if (problem !== undefined) log.warn({ file, reason: problem }, 'a prompt is left out')
  }
  return [...prompts.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
}

function take(prompts: Map<string, Prompt>, path: string): string | undefined {
  try {
    const prompt = parsePrompt(readFileSync(path, 'utf8'))
    if (prompts.has(prompt.name)) return `another file has a prompt named ${prompt.name}`
    prompts.set(prompt.name, prompt)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
