import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { builtInTools } from './built-in-tools.ts'
import { defineTool } from './tool.ts'
import { buildToolTable } from './tool-table.ts'

const table = buildToolTable(builtInTools)

test('the tools are listed once, by name', () => {
  expect(table.list('direct').map(({ name }) => name)).toEqual(['google_search', 'js_exec', 'python_exec', 'scrape'])
  expect(table.list('direct')).toBe(table.list('direct'))
})

test.each(table.list('direct').map((tool) => [tool.name, tool] as const))(
  '%s says what clients need',
  (_name, tool) => {
    expect(tool.inputSchema).toMatchObject({ type: 'object', properties: expect.any(Object) })
    expect(tool.inputSchema).not.toHaveProperty('$schema')
    expect(tool.outputSchema).toMatchObject({ type: 'object', required: expect.any(Array) })
    for (const hint of Object.values(tool.annotations)) expect(typeof hint).toBe('boolean')
    const properties = Object.values(tool.inputSchema.properties as Record<string, { description?: string }>)
    for (const property of properties) expect(property.description).toBeTruthy()
  },
)

test('arguments with a default are not required', () => {
  const required = Object.fromEntries(table.list('direct').map(({ name, inputSchema }) => [name, inputSchema.required]))
  expect(required).toEqual({ google_search: ['q'], js_exec: ['code'], python_exec: ['code'], scrape: ['url'] })
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
  expect(() => buildToolTable([tool('a', z.object({})), tool('a', z.object({}))])).toThrow('same name')
  expect(() => buildToolTable([tool('a', z.string())])).toThrow('input of a')
})
