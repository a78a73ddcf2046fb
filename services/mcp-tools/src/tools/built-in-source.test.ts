import type { Person } from '@jan/service-kit/auth'
import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { createBuiltInSource } from './built-in-source.ts'
import { builtInTools } from './built-in-tools.ts'
import type { OfferedTool } from './offered-tool.ts'
import { defineTool, type Tool, type ToolDeps } from './tool.ts'

const caller: Person = { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: [] }
const offer = (tools: Tool[]) => createBuiltInSource(tools, {} as ToolDeps)
const offered = offer(builtInTools).tools(caller) as readonly OfferedTool[]

test('the tools are made once', () => {
  const source = offer(builtInTools)
  expect(source.tools(caller)).toBe(source.tools({ ...caller, subject: 'eve' }))
})

test.each(offered.map((tool) => [tool.name, tool] as const))('%s says what clients need [B-062]', (_name, tool) => {
  expect(tool.inputSchema).toMatchObject({ type: 'object', properties: expect.any(Object) })
  expect(tool.inputSchema).not.toHaveProperty('$schema')
  expect(tool.outputSchema).toMatchObject({ type: 'object', required: expect.any(Array) })
  for (const hint of Object.values(tool.annotations)) expect(typeof hint).toBe('boolean')
  const properties = Object.values(tool.inputSchema.properties as Record<string, { description?: string }>)
  for (const property of properties) expect(property.description).toBeTruthy()
})

test('arguments with a default are not required', () => {
  const required = Object.fromEntries(offered.map(({ name, inputSchema }) => [name, inputSchema.required ?? []]))
  expect(required).toMatchObject({ google_search: ['q'], js_exec: ['code'], python_exec: ['code'], scrape: ['url'] })
  expect(required).toMatchObject({ get_time: [], calculator: ['expression'] })
})

test('two tools of one name, and inputs that are no objects, are refused', () => {
  const tool = (name: string, input: z.ZodType) =>
    defineTool({
      name,
      title: name,
      description: name,
      input,
      output: z.object({}),
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      timeoutMs: 1,
      run: async () => ({ text: '', structured: {} }),
    })
  expect(() => offer([tool('a', z.object({})), tool('a', z.object({}))])).toThrow('same name')
  expect(() => offer([tool('a', z.string())])).toThrow('input of a')
})
