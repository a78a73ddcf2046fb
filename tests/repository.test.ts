import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readLayout } from '@jan/embedded/layout'
import { expect, test } from '@jest/globals'

/** What users were promised of the repository itself: its commands, packages, names and addresses. */
const ROOT = resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
type Manifest = Record<'scripts' | 'engines' | 'dependencies' | 'devDependencies', Record<string, string> | undefined>
const manifest = (file: string) => JSON.parse(read(file)) as Manifest & { license: string }
const workspaces = globSync('{packages,services}/*/package.json', { cwd: ROOT }).concat('tests/package.json')

test('make help lists every target, and npm knows the same commands [H-12 H-13]', () => {
  const help = execFileSync('make', ['--no-print-directory', 'help'], { cwd: ROOT, encoding: 'utf8' })
  const explained = [...read('Makefile').matchAll(/^([a-z][\w-]*):.*## /gm)].map(([, target]) => target!)
  expect(explained.length).toBeGreaterThan(12)
  expect(explained.filter((target) => !new RegExp(`^  make ${target} `, 'm').test(help))).toEqual([])
  expect(manifest('package.json').scripts).toMatchObject({ start: 'make start', demo: 'make demo', test: 'make test' })
})

test('versions are exact, and so is what they run on [H-30]', () => {
  const ranges = [...workspaces, 'package.json', 'scripts/package.json'].flatMap((file) => {
    const { dependencies, devDependencies } = manifest(file)
    return Object.entries({ ...dependencies, ...devDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${file}: ${name} ${version}`)
  })
  expect(ranges).toEqual([])
  expect(manifest('package.json').engines?.node).toBe('>=20')
  const outdated = workspaces.filter((file) => manifest(file).engines?.node !== '>=24')
  // The package that brings Node 24 is installed by the Node of the machine.
  expect(outdated).toEqual(['packages/node-runtime/package.json'])
})

test('CONTRIBUTING says where to change what, and those places exist [H-93]', () => {
  const table = read('CONTRIBUTING.md').split('## Where to change what')[1]!.split('\n## ')[0]!
  expect(table).toMatch(/guest's token[\s\S]*search engines[\s\S]*error in a chat stream/)
  const places = [...table.matchAll(/`((?:packages|services|keycloak|kong)\/[^`]*)`/g)].map(([, place]) => place!)
  expect(places.length).toBeGreaterThan(5)
  expect(places.filter((place) => globSync(place.replace(/<\w+>/, '*'), { cwd: ROOT }).length === 0)).toEqual([])
})

test('the packages that users named are used in shipped code [P-001]', () => {
  const sources = globSync('{packages,services}/*/src/**/*.ts', { cwd: ROOT, exclude: (name) => name === 'generated' })
    .filter((file) => !/\.test\.ts$|fixture|packages\/testkit/.test(file))
    .map(read)
    .join('\n')
  const named = ['express', 'ioredis', '@aws-sdk/client-s3', 'jose', '@opentelemetry/sdk-node', 'prom-client']
  expect(named.filter((name) => !sources.includes(`from '${name}'`) && !sources.includes(`import('${name}')`))).toEqual(
    [],
  )
  expect(sources).toMatch(/from '\.\.?\/(\w+\/)*generated\//)
  expect(read('scripts/test.ts')).toMatch(/'turbo'[\s\S]*jest/)
})

test('the licence is MIT [P-003]', () => {
  expect(read('LICENSE')).toMatch(/^MIT License/)
  expect([...workspaces, 'package.json'].filter((file) => manifest(file).license !== 'MIT')).toEqual([])
})

test('addresses are as promised, and move together [P-034 P-035 P-036]', () => {
  const promised = {
    gateway: 8000,
    'llm-api': 8080,
    'response-api': 8082,
    'media-api': 8285,
    'mcp-tools': 8091,
    identity: 8085,
    postgres: 15432,
    redis: 16379,
    simulator: 8101,
  }
  expect(readLayout({}).ports).toMatchObject(promised)
  const moved = Object.fromEntries(Object.entries(promised).map(([name, port]) => [name, port + 100]))
  expect(readLayout({ JAN_PORT_OFFSET: '100' }).ports).toMatchObject(moved)
})

test('every service has settings for port and logs [P-044 P-054]', () => {
  const reference = read('docs/reference/configuration.md')
  const settings = ['LLM_API', 'RESPONSE_API', 'MEDIA_API', 'MCP_TOOLS'].flatMap((service) =>
    ['HTTP_PORT', 'LOG_LEVEL', 'LOG_FORMAT'].map((setting) => `${service}_${setting}`),
  )
  expect(settings.filter((setting) => !reference.includes(`| \`${setting}\` |`))).toEqual([])
})
