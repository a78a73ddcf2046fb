import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { addRow } from '../../scripts/new-service/add-to-docs.ts'
import { addToGateway } from '../../scripts/new-service/add-to-gateway.ts'
import { addToLock } from '../../scripts/new-service/add-to-lock.ts'
import { addToPlatform } from '../../scripts/new-service/add-to-platform.ts'
import { copyTemplate, rename } from '../../scripts/new-service/copy-template.ts'
import { insertBefore } from '../../scripts/new-service/insert-before.ts'
import { STEPS } from '../../scripts/new-service/steps.ts'
import { writeAll } from '../../scripts/new-service/write-all.ts'
import { billing, checkout, treeOf, unused } from './house.ts'

const dashed = {
  ...billing,
  name: 'my-new-service',
  subject: 'my-new-service',
  database: 'my_new_service',
  envPrefix: 'MY_NEW_SERVICE',
  databaseVariable: 'MY_NEW_SERVICE_DATABASE_URL',
}

test('no two steps write one file, and nothing is written outside the checkout [T-27]', () => {
  const paths = STEPS.flatMap((step) => step(unused, checkout)).map(({ path }) => path)
  expect(new Set(paths).size).toBe(paths.length)
  expect(paths.filter((path) => path.startsWith('/') || path.includes('..'))).toEqual([])
})

describe('the copy', () => {
  test('is renamed in all its forms, and keeps nothing of the template [T-27]', () => {
    const said = [
      'template-api TEMPLATE_API_HTTP_PORT TEMPLATE_DATABASE_URL 8190',
      'create_template_note /v1/template/notes template_notes_total postgres://x/template_api',
    ]
    expect(said.map((text) => rename(text, dashed))).toEqual([
      'my-new-service MY_NEW_SERVICE_HTTP_PORT MY_NEW_SERVICE_DATABASE_URL 8191',
      'create_my_new_service_note /v1/my-new-service/notes my_new_service_notes_total postgres://x/my_new_service',
    ])
    for (const { path, content } of copyTemplate(billing, checkout))
      expect([path, content].filter((text) => /template|8190/i.test(text))).toEqual([])
  })

  test('a name that holds the template’s is not renamed twice', () => {
    const plan = { ...billing, name: 'my-template-api', subject: 'my-template', database: 'my_template_api' }
    expect(rename('template-api template_api /v1/template/x', plan)).toBe(
      'my-template-api my_template_api /v1/my-template/x',
    )
  })

  test('has neither what is about the template nor what it cites nor what was generated', () => {
    const files = copyTemplate(
      billing,
      treeOf({
        'services/template-api/NEW_SERVICE_GUIDE.md': 'x',
        'services/template-api/test/a.test.ts': "test('starts [T-26 H-27]', () => 1)",
      }),
    )
    expect(files).toEqual([{ path: 'services/billing-api/test/a.test.ts', content: "test('starts', () => 1)" }])
    const paths = copyTemplate(billing, checkout).map(({ path }) => path)
    expect(paths).toContain('services/billing-api/src/notes/note.store.ts')
    expect(paths.filter((path) => /generated|node_modules|\.turbo|GUIDE/.test(path))).toEqual([])
  })

  test('a form that is not known stops it', () => {
    expect(() => rename('class TemplateNotes {}', billing)).toThrow(
      'The template names itself in a way that is not renamed: class TemplateNotes {}',
    )
  })
})

test('the lock gets the workspace and its link where npm would put them, and nothing else changes', () => {
  const before = JSON.parse(checkout.read('package-lock.json'))
  const after = JSON.parse(addToLock(unused, checkout)[0]!.content)
  const [folder, link] = [`services/${unused.name}`, `node_modules/@jan/${unused.name}`]
  expect(after.packages[link]).toEqual({ resolved: folder, link: true })
  const { version, license, dependencies, engines } = JSON.parse(checkout.read('services/template-api/package.json'))
  expect(after.packages[folder]).toEqual({ name: `@jan/${unused.name}`, version, license, dependencies, engines })
  expect(Object.keys(after.packages)).toEqual(Object.keys(after.packages).sort())
  delete after.packages[folder]
  delete after.packages[link]
  expect(JSON.stringify(after)).toBe(JSON.stringify(before))
})

test('the platform’s table gets one entry, quoted as the formatter would', () => {
  const table = 'export const SERVICES = {\n  a: { port: 1 },\n} as const satisfies Record<string, ServiceEntry>\n'
  const tree = treeOf({ 'packages/embedded/src/services.ts': table })
  const entryOf = (name: string) => addToPlatform({ ...billing, name }, tree)[0]!.content.split('\n')[2]
  expect(entryOf('billing-api')).toBe("  'billing-api': { port: 8191, database: 'billing_api' },")
  expect(entryOf('billing')).toBe("  billing: { port: 8191, database: 'billing_api' },")
})

describe('the gateway’s file', () => {
  test('gets a service behind the others, and keeps every comment', () => {
    const before = checkout.read('kong/kong.yml').split('\n')
    const after = addToGateway(unused, checkout)[0]!.content.split('\n')
    const start = after.indexOf(`  - name: ${unused.name}`) - 1
    const block = after.slice(start, start + after.length - before.length)
    expect(after.toSpliced(start, block.length)).toEqual(before)
    expect(block).toContain(`          - ~/v1/${unused.subject}(?:/|$)`)
    expect(block).toContain('        regex_priority: 10')
  })

  test('is not written when the gateway would refuse it', () => {
    expect(() => addToGateway({ ...unused, subject: 'media' }, checkout)).toThrow(/regex_priority must differ/)
    expect(() => addToGateway({ ...unused, name: 'media-api' }, checkout)).toThrow(/service media-api appears twice/)
  })
})

test('a table gets a row, and even columns', () => {
  const table = '# T\n\n| A  | B |\n| -- | - |\n| x  | 1 |\n| zz | 2 |\n\nend\n'
  expect(addRow(table, /^\| zz/, ['longer', '3'])).toBe(
    '# T\n\n| A      | B   |\n| ------ | --- |\n| x      | 1   |\n| longer | 3   |\n| zz     | 2   |\n\nend\n',
  )
})

test('a place that is not there, or there twice, stops everything', () => {
  expect(insertBefore('a\nb\n', /^b$/, 'x\ny')).toBe('a\nx\ny\nb\n')
  expect(() => insertBefore('a\n', /^b$/, 'x')).toThrow('There should be one line like ^b$, and there are 0')
  expect(() => insertBefore('b\nb\n', /^b$/, 'x')).toThrow('and there are 2')
})

describe('written is all or nothing', () => {
  const work = async (use: (root: string) => Promise<void>) => {
    const root = mkdtempSync(join(tmpdir(), 'jan-edits-'))
    try {
      mkdirSync(join(root, 'services'))
      writeFileSync(join(root, 'README.md'), 'before')
      await use(root)
    } finally {
      rmSync(root, { recursive: true })
    }
  }
  const edits = [
    { path: 'services/new/src/a.ts', content: 'a' },
    { path: 'README.md', content: 'after' },
  ]

  test('all', () =>
    work(async (root) => {
      await writeAll(root, edits, ['made.md'], async () => writeFileSync(join(root, 'made.md'), 'x'))
      expect(readFileSync(join(root, 'README.md'), 'utf8')).toBe('after')
      expect(readdirSync(root).sort()).toEqual(['README.md', 'made.md', 'services'])
    }))

  test('nothing, when what follows fails: files, folders and what was generated are as before [T-29]', () =>
    work(async (root) => {
      const fail = async () => {
        writeFileSync(join(root, 'services/new/openapi.json'), '{}')
        writeFileSync(join(root, 'made.md'), 'x')
        throw new Error('no')
      }
      await expect(writeAll(root, edits, ['made.md'], fail)).rejects.toThrow('no')
      expect(readFileSync(join(root, 'README.md'), 'utf8')).toBe('before')
      expect(existsSync(join(root, 'services/new'))).toBe(false)
      expect(readdirSync(root).sort()).toEqual(['README.md', 'services'])
    }))

  test('nothing, when a file cannot be written', () =>
    work(async (root) => {
      const impossible = { path: 'README.md/below/a.ts', content: 'x' }
      await expect(writeAll(root, [...edits, impossible], [], async () => undefined)).rejects.toThrow(/ENOTDIR|EEXIST/)
      expect(readFileSync(join(root, 'README.md'), 'utf8')).toBe('before')
      expect(readdirSync(join(root, 'services'))).toEqual([])
    }))
})
