import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { readPrompts } from '../src/prompts/read-prompts.ts'
import { startService, type TestService } from './start.ts'

const FILES = {
  'greet.md': `---
name: greet
title: Greet somebody
description: Says hello
arguments:
  - name: who
    description: Whom
    required: true
  - name: tone
    values: [formal, friendly, frosty]
---

Say hello to {{who}} in a {{ tone }} tone. {{who}} likes {braces}.
`,
  'a-second.md': '---\r\nname: plain\r\n---\r\nNothing to fill in.\r\n',
  'no-head.md': 'Just text',
  'broken.md': '---\nname: [\n---\ntext',
  'unknown-key.md': '---\nname: x1\nargs: []\n---\ntext',
  'bad-name.md': '---\nname: a b\n---\ntext',
  'no-text.md': '---\nname: x2\n---\n\n',
  'unknown-placeholder.md': '---\nname: x3\n---\n{{nobody}}',
  'twice.md': '---\nname: x4\narguments: [{name: a}, {name: a}]\n---\n{{a}}',
  'z-same-name.md': '---\nname: greet\n---\nAnother',
  'readme.txt': 'no prompt',
}

let folder: string
let service: TestService
let client: Client
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jan-prompts-'))
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text)
  await mkdir(join(folder, 'folder.md'))
  service = await startService({ MCP_PROMPTS_DIR: folder })
  client = new Client({ name: 'test', version: '1' })
  const requestInit = { headers: { authorization: service.authorization } }
  await client.connect(new StreamableHTTPClientTransport(service.mcpUrl, { requestInit }))
})
afterAll(async () => {
  await client.close()
  await service.close()
  await rm(folder, { recursive: true })
})

describe('prompts from a folder [B-007]', () => {
  test('are listed with their arguments', async () => {
    expect((await client.listPrompts()).prompts).toEqual([
      {
        name: 'greet',
        title: 'Greet somebody',
        description: 'Says hello',
        arguments: [
          { name: 'who', description: 'Whom', required: true },
          { name: 'tone', required: false },
        ],
      },
      { name: 'plain', arguments: [] },
    ])
  })

  test('are filled in, and what stands in an argument stays text', async () => {
    const given = { who: '{{tone}} $& Ada', tone: 'formal' }
    const prompt = await client.getPrompt({ name: 'greet', arguments: given })
    expect(prompt).toMatchObject({
      description: 'Says hello',
      messages: [
        {
          role: 'user',
          content: {
            type: 'text',
            text: 'Say hello to {{tone}} $& Ada in a formal tone. {{tone}} $& Ada likes {braces}.',
          },
        },
      ],
    })
    expect((await client.getPrompt({ name: 'plain' })).messages[0]!.content).toMatchObject({
      text: 'Nothing to fill in.',
    })
  })

  test.each([
    ['a missing argument', { name: 'greet', arguments: {} }, /who is missing/],
    ['an empty one', { name: 'greet', arguments: { who: ' ' } }, /who is missing/],
    ['one that is not among the values', { name: 'greet', arguments: { who: 'x', tone: 'loud' } }, /formal, friendly/],
    ['an unknown one', { name: 'greet', arguments: { who: 'x', why: 'y' } }, /why is not an argument/],
    ['an unknown prompt', { name: 'nobody' }, /nobody/],
  ])('%s is −32602 and says so', async (_what, request, message) => {
    await expect(client.getPrompt(request)).rejects.toMatchObject({
      code: -32602,
      message: expect.stringMatching(message),
    })
  })

  test('arguments are completed from their values', async () => {
    const complete = async (name: string, argument: string, value: string) =>
      (await client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } })).completion
    expect(await complete('greet', 'tone', 'fr')).toMatchObject({ values: ['friendly', 'frosty'], total: 2 })
    expect(await complete('greet', 'tone', '')).toMatchObject({ values: ['formal', 'friendly', 'frosty'] })
    expect(await complete('greet', 'who', 'a')).toMatchObject({ values: [] })
    await expect(complete('nobody', 'who', 'a')).rejects.toMatchObject({ code: -32602 })
  })
})

test('a bad file is left out with its reason, and is not fatal [B-007]', () => {
  const told: Record<string, string> = {}
  const log = { warn: ({ file, reason }: { file: string; reason: string }) => (told[file] = reason) }
  readPrompts(folder, log as never)
  expect(told).toEqual({
    'no-head.md': expect.stringMatching(/front matter/),
    'broken.md': expect.stringMatching(/no YAML/),
    'unknown-key.md': expect.stringMatching(/args/),
    'bad-name.md': expect.stringMatching(/name: must be 1 to 64/),
    'no-text.md': expect.stringMatching(/no text/),
    'unknown-placeholder.md': expect.stringMatching(/\{\{nobody\}\}/),
    'twice.md': expect.stringMatching(/same name/),
    'z-same-name.md': expect.stringMatching(/greet/),
    'folder.md': expect.stringMatching(/EISDIR/),
  })
})

test('what is shipped is whole, and a folder that is not there is no reason not to start [B-007]', () => {
  const told: unknown[] = []
  const log = { warn: (...line: unknown[]) => told.push(line) } as never
  const names = readPrompts('config/prompts', log).map(({ name, title, description }) => title && description && name)
  expect([names, told]).toEqual([['ask_my_documents', 'research_question', 'summarise_page'], []])
  expect(readPrompts('config/nowhere', log)).toEqual([])
  expect(told).toHaveLength(1)
})
