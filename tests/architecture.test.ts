import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { loadKongFile } from '@jan/embedded/gateway/kong-file'
import { envPrefixOf, SERVICES } from '@jan/embedded/services'
import { expect, test } from '@jest/globals'

/** The rules of the house that no linter knows (docs/style.md). */
const ROOT = resolve(import.meta.dirname, '..')
const files = (pattern: string) =>
  globSync(pattern, { cwd: ROOT }).filter((file) => !/node_modules|\/generated\//.test(file))
const sources = files('{packages,services}/*/src/**/*.ts').filter((file) => !file.endsWith('.test.ts'))
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const lines = (file: string) => read(file).split('\n').length - 1

test('no source is longer than 400 lines, no kit file than 200 [H-97]', () => {
  expect(sources.length).toBeGreaterThan(50)
  expect(sources.filter((file) => lines(file) > (file.startsWith('packages/service-kit/') ? 200 : 400))).toEqual([])
})

test('the stand-ins stay small [H-97]', () => {
  const code = (file: string) =>
    read(file)
      .split('\n')
      .filter((line) => line.trim() && !/^\s*(\/\/|\/?\*)/.test(line)).length
  const sum = (pattern: string) =>
    files(pattern)
      .filter((file) => !/\.test\.ts$|fixture/.test(file))
      .reduce((total, file) => total + code(file), 0)
  // The gateway as it serves; what checks its file before it starts (kong-file.ts) is counted apart.
  expect(sum('packages/embedded/src/gateway/!(kong-file).ts')).toBeLessThanOrEqual(400)
  // A relay can be judged only by what its model does: choices, logprobs, forced tools, every path that it relays.
  expect(sum('packages/model-simulator/src/*.ts')).toBeLessThanOrEqual(700)
})

test('features are folders, two levels deep, in kebab-case [H-31]', () => {
  const odd = sources.filter(
    (file) =>
      !/^(packages|services)\/[a-z0-9-]+\/src\/([a-z-]+\/)?[a-z0-9-]+(\.[a-z]+)?(\.fake)?(\.d)?\.ts$/.test(file),
  )
  expect(odd).toEqual([])
})

test('a suffix says the role, and nothing is called utils [H-31]', () => {
  const suffixes = new Set(
    sources
      .filter((file) => file.startsWith('services/'))
      .flatMap((file) => /\/[a-z0-9-]+\.([a-z]+)(?:\.\w+)?\.ts$/.exec(file)?.[1] ?? []),
  )
  const known = ['schema', 'routes', 'store', 'client', 'job', 'fake', 'tool', 'worker', 'd']
  expect([...suffixes].filter((suffix) => !known.includes(suffix))).toEqual([])
  expect(
    files('{packages,services}/**/*.ts').filter((file) =>
      /\/(utils?|helpers?|common|manager|base|impl|dto|index)(\.\w+)*\.ts$/.test(file),
    ),
  ).toEqual([])
})

test('no service reaches into another, and no feature into another one’s store [H-31]', () => {
  const wrong = sources.flatMap((file) => {
    const home = file.split('/').slice(0, 2).join('/')
    const imports = [...read(file).matchAll(/^import (type )?[^']*?from '(\.[^']+)'/gm)]
    return imports
      .map(([, isType, path]) => ({ isType, path: path!, target: join(dirname(file), path!) }))
      .filter(({ isType, path, target }) => {
        const leaves = !target.startsWith(`${home}/`)
        const isStore = file.endsWith('.store.ts')
        const otherStore =
          !isStore && /^\.\.\/[^/]+\/.*\.store\.ts$/.test(path) && !isType && home.startsWith('services/')
        return leaves || otherStore
      })
      .map(({ target }) => `${file} → ${target}`)
  })
  expect(wrong).toEqual([])
})

test('the kit knows no word of the domain [H-31]', () => {
  const domain = /\b(media|chat|conversation|model|prompt|guest login|openai sdk|tool call|sandbox|simulator)s?\b/i
  const allowed =
    /OpenAI|Prisma|'guest'|`guest`|"?messages"?|prompt|frozen tool call|\/v1\/media|guest or key|guest,|Guest is|a guest|unsupported_media_type|MCP tool name/
  const said = files('packages/service-kit/src/*.ts').flatMap((file) =>
    read(file)
      .split('\n')
      .filter((line) => domain.test(line) && !allowed.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  )
  expect(said).toEqual([])
})

test('no module is mocked, no test is skipped or focused [H-31]', () => {
  const found = files('{packages,services,tests}/**/*.test.ts').filter((file) =>
    /\bjest\.(mock|unstable_mockModule|spyOn)\(|\b(test|it|describe)\.(skip|only|todo)\b|\bx(it|describe|test)\(/.test(
      read(file).replace(/\/.*\\b.*\//g, ''),
    ),
  )
  expect(found).toEqual([])
})

test('operations have one name each, and well-formed [H-31]', () => {
  type Document = { paths: Record<string, Record<string, { operationId: string }>> }
  const documents = files('services/*/openapi.json')
  const names = documents.flatMap((file) =>
    Object.values((JSON.parse(read(file)) as Document).paths).flatMap((path) =>
      Object.values(path).map((operation) => operation.operationId),
    ),
  )
  expect(documents.map(dirname)).toEqual(files('services/*/package.json').map(dirname))
  expect(names.filter((name) => !/^[a-z]+(_[a-z0-9]+)+$/.test(name))).toEqual([])
  expect(new Set(names).size).toBe(names.length)
})

test('every schema of a published document says something, and every reference leads to one [H-31]', () => {
  type Document = { components?: { schemas?: Record<string, { $ref?: string }> } }
  const broken = files('services/*/openapi.json').flatMap((file) => {
    const text = read(file)
    const schemas = (JSON.parse(text) as Document).components?.schemas ?? {}
    const empty = Object.entries(schemas).filter(([, { $ref }]) => $ref !== undefined)
    const lost = [...text.matchAll(/#\/components\/schemas\/([\w.-]+)/g)].filter(([, name]) => !(name! in schemas))
    return [...empty.map(([name]) => `${file} ${name}`), ...lost.map(([, name]) => `${file} ${name}`)]
  })
  expect(broken).toEqual([])
})

/** Whose scopes llm-api knows; a service that is added later has none. */
const SCOPED = ['llm-api', 'media-api', 'mcp-tools', 'response-api']
/** Good for any key: what may be used, and what refuses keys itself. */
const WITHOUT_SCOPE = [
  'list_models',
  'get_model',
  'get_model_catalog',
  'list_public_providers',
  'erase_me',
  'export_me',
]

test('every public operation below /v1 names the scope that a key needs [I-044]', () => {
  const { paths } = JSON.parse(read('docs/reference/openapi.json')) as {
    paths: Record<
      string,
      Record<string, { operationId: string; tags: string[]; security?: Record<string, string[]>[] }>
    >
  }
  const below = Object.entries(paths)
    .flatMap(([path, operations]) => (path.startsWith('/v1/') ? Object.values(operations) : []))
    .filter(({ tags }) => SCOPED.includes(tags[0]!))
  const without = below.filter(({ security = [] }) => security.some(({ apiKey }) => apiKey?.length === 0))
  expect(without.map(({ operationId }) => operationId).sort()).toEqual([...WITHOUT_SCOPE].sort())
})

test('nothing depends on a service, and what runs is registered everywhere [H-31]', () => {
  type Manifest = { name: string; dependencies?: Record<string, string> }
  const manifest = (file: string) => JSON.parse(read(file)) as Manifest
  const packages = new Set(files('services/*/package.json').map((file) => manifest(file).name))
  const dependents = files('{packages,services}/*/package.json').filter((file) =>
    Object.keys(manifest(file).dependencies ?? {}).some((name) => packages.has(name)),
  )
  expect(dependents).toEqual([])

  const gateway = new Map(loadKongFile().services.map(({ host, port }) => [host, port]))
  const [architecture, configuration] = ['docs/architecture.md', 'docs/reference/configuration.md'].map(read)
  const unknown = Object.entries(SERVICES).filter(
    ([name, { port }]) =>
      !packages.has(`@jan/${name}`) ||
      gateway.get(name) !== port ||
      !new RegExp(`^\\| ${name} +\\| ${port} `, 'm').test(architecture!) ||
      !configuration!.includes(`| \`${envPrefixOf(name)}_HTTP_PORT\` | ${port} |`),
  )
  expect(unknown).toEqual([])
})

test('what a workspace imports, it declares; what only tests import may be the root’s [H-31]', () => {
  type Manifest = { name: string; dependencies?: Record<string, string>; devDependencies?: Record<string, string> }
  const declared = (file: string) => {
    const { name, dependencies, devDependencies } = JSON.parse(read(file)) as Manifest
    return new Set([name, ...Object.keys({ ...dependencies, ...devDependencies })])
  }
  const ofRoot = declared('package.json')
  const missing = files('{packages,services}/*/package.json').flatMap((manifest) => {
    const own = declared(manifest)
    return files(`${dirname(manifest)}/**/*.ts`).flatMap((file) => {
      const isTest = /\.test\.ts$|\/test\/|fixture/.test(file)
      const imported = [
        ...read(file).matchAll(/^(?:import|export) .*?from '([^'.][^']*)'|import\('([^'.][^']*)'\)/gms),
      ].map(([, one, other]) => (one ?? other)!)
      const names = imported
        // A name with a scheme is no package: `node:fs`, and what programs in tests try.
        .filter((name) => !name.includes(':'))
        .map((name) =>
          name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/'),
        )
      return names
        .filter((name) => !own.has(name) && !(isTest && ofRoot.has(name)))
        .map((name) => `${file} imports ${name}`)
    })
  })
  expect(missing).toEqual([])
})

test('the lock names no address, and holds the packages of every platform [H-28]', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { resolved?: string; link?: boolean; optionalDependencies?: Record<string, string> }>
  }
  const entries = Object.entries(lock.packages)
  expect(entries.filter(([, entry]) => entry.resolved !== undefined && !entry.link).map(([name]) => name)).toEqual([])
  const isLocked = (path: string, name: string): boolean => {
    if (lock.packages[`${path ? `${path}/` : ''}node_modules/${name}`]) return true
    return path !== '' && isLocked(path.replace(/(^|\/)(node_modules\/(@[^/]+\/)?)?[^/]+$/, ''), name)
  }
  const missing = entries.flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter((name) => !isLocked(path, name)),
  )
  expect(missing).toEqual([])
})

test('links between documents lead somewhere [H-92]', () => {
  const broken = files('{*.md,docs/**/*.md,services/*/*.md,packages/*/*.md}').flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(resolve(ROOT, dirname(file), target)))
      .map((target) => `${file} → ${target}`),
  )
  expect(broken).toEqual([])
})

test('the README is short [H-92]', () => {
  expect(lines('README.md')).toBeLessThanOrEqual(150)
})

test('every target of the Makefile can be made [H-12 P-071 P-072]', () => {
  const targets = [...read('Makefile').matchAll(/^([a-z][\w-]*):/gm)].map(([, name]) => name!)
  expect(targets).toEqual(
    expect.arrayContaining([
      'demo',
      'test',
      'start',
      'start-bg',
      'stop',
      'status',
      'reset',
      'logs',
      'doctor',
      'user',
      'new-service',
      'help',
      'verify',
      'new-service',
      'test-platform',
      'bench',
      'chaos',
    ]),
  )
  for (const target of targets) execFileSync('make', ['-n', target], { cwd: ROOT, stdio: 'pipe' })
})
