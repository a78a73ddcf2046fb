import { readdirSync } from 'node:fs'

/** One project per workspace; suites that need the whole platform run last, in `tests`. */
const roots = [
  ...readdirSync('packages').map((name) => `packages/${name}`),
  ...readdirSync('services').map((name) => `services/${name}`),
  'tests',
]

const project = (root) => ({
  displayName: root.replace(/^\w+\//, ''),
  rootDir: root,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', explicitResourceManagement: true },
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  testMatch: ['<rootDir>/**/*.test.ts'],
  // What needs a real part runs under jest.parts.config.js (`make test-platform`).
  testPathIgnorePatterns: ['/node_modules/', '/generated/', '\\.platform\\.test\\.ts$'],
  ...(root === 'tests' ? { globalSetup: './jest.platform.js', globalTeardown: './jest.platform.stop.js' } : {}),
})

export default {
  globalSetup: './jest.setup.js',
  globalTeardown: './jest.teardown.js',
  projects: roots.map(project),
  testTimeout: 30_000,
  workerIdleMemoryLimit: '1GB',
  maxWorkers: 2,
}
