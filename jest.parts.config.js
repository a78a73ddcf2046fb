import config from './jest.config.js'

/**
 * The suites that need a real part (`make test-platform`): as the others, only that the runner has already started
 * what they need.
 */
const project = ({ globalSetup: _setup, globalTeardown: _teardown, ...rest }) => ({
  ...rest,
  testMatch: ['<rootDir>/**/*.platform.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
})

const { globalSetup: _setup, globalTeardown: _teardown, ...rest } = config

export default { ...rest, projects: config.projects.map(project), testTimeout: 60_000 }
