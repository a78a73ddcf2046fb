import { describe, expect, test } from '@jest/globals'
import { type House, problemOf } from '../../scripts/new-service/check-name.ts'
import { BadName, planService } from '../../scripts/new-service/plan.ts'
import { billing, house as checkoutHouse, unusedName } from './house.ts'

/** The services that are always there, whatever else this checkout has been given. */
const services = ['llm-api', 'response-api', 'media-api', 'mcp-tools', 'template-api']
const house: House = {
  ...checkoutHouse,
  services,
  ports: { gateway: 8000, postgres: 15432 },
  packages: checkoutHouse.packages.filter((name) => !checkoutHouse.services.includes(name.replace('@jan/', ''))),
  routes: checkoutHouse.routes.filter(({ service }) => services.includes(service.host)),
  paths: ['/v1/models', '/v1/chat/completions'],
}

describe('a name that cannot be had is refused in one line [T-29]', () => {
  test.each<[string, string, string | RegExp]>([
    ['none', '', 'Say which: make new-service NAME=billing-api'],
    ['upper case', 'Billing-api', /^NAME="Billing-api" cannot be a service's name: lower-case words, joined by/],
    ['a path upwards', '../x', /^NAME="\.\.\/x" cannot be/],
    ['a path', 'a/b', /cannot be/],
    ['an absolute path', '/tmp/x', /cannot be/],
    ['a Windows path', 'a\\b', /cannot be/],
    ['a dot', '.', /cannot be/],
    ['an underscore', 'billing_api', /cannot be/],
    ['a dash at the end', 'billing-', /cannot be/],
    ['a dash in front, as an option has', '--help', /cannot be/],
    ['two dashes', 'billing--api', /cannot be/],
    ['a digit in front', '2fa-api', /cannot be/],
    ['a space', 'billing api', /cannot be/],
    ['a second line', 'billing-api\nx', /^NAME="billing-api\\nx" cannot be/],
    ['a letter that only looks right', 'bіlling-api', /cannot be/],
    ['too many characters', 'x'.repeat(41), "NAME has 41 characters; a service's name has at most 40"],
    ['a folder that is there', 'media-api', 'services/media-api is there already'],
    ['the template', 'template-api', 'services/template-api is there already'],
    ['a package that is there', 'service-kit', 'The package @jan/service-kit is there already'],
    ['a part of the platform', 'gateway', 'The platform has a part called gateway already'],
    ['another part', 'postgres', 'The platform has a part called postgres already'],
    ['a host of a deployment', 'prometheus', 'The name prometheus is reserved'],
    ['a database of PostgreSQL', 'template1', 'The name template1 is reserved'],
    ['what every object has', 'constructor', 'The name constructor is reserved'],
    ['a variable of another', 'media', 'MEDIA_DATABASE_URL is the variable of media-api already'],
    ['the template’s variable', 'template', 'TEMPLATE_DATABASE_URL is the variable of template-api already'],
    [
      'a route of another',
      'responses-api',
      /^The gateway sends \/v1\/responses, which responses-api would have, to res/,
    ],
    ['a route behind it', 'files', 'The gateway sends /v1/files, which files would have, to media-api already'],
    [
      'a path that OpenAI has',
      'embeddings-api',
      'The path /v1/embeddings, which embeddings-api would have, is reserved',
    ],
  ])('%s', (_what, name, why) => {
    const problem = problemOf(name, house) ?? ''
    expect(problem).toEqual(typeof why === 'string' ? why : expect.stringMatching(why))
    expect(problem).not.toMatch(/\n/)
  })

  test('a path that a service answers', () => {
    const paths = [...house.paths, '/v1/reports/{id}']
    expect(problemOf('reports-api', { ...house, paths })).toBe(
      '/v1/reports/{id} is there already, and reports-api would have /v1/reports',
    )
    expect(problemOf('report-api', { ...house, paths })).toBeUndefined()
  })

  test('a folder in other letters, where the file system knows no difference', () => {
    expect(problemOf('new-api', { ...house, services: ['New-API'] })).toBe('services/new-api is there already')
  })
})

test.each(['billing-api', 'my-new-service', 'x', 's3-sync2-api', 'a'.repeat(40)])('%s can be had', (name) => {
  expect(problemOf(name, house)).toBeUndefined()
})

test('what is taken is read from the checkout', () => {
  expect(problemOf(unusedName(), checkoutHouse)).toBeUndefined()
  expect(checkoutHouse.packages).toContain('@jan/template-api')
  expect(checkoutHouse.paths).toContain('/v1/template/notes/{id}')
  expect(problemOf('template-api', { ...checkoutHouse, services: [], packages: [] })).toMatch(
    /^\/v1\/template\/notes is there/,
  )
})

test('a name decides everything else', () => {
  const empty: House = { ...house, services: [], ports: {} }
  expect(planService('billing-api', empty)).toEqual(billing)
  expect(planService('my-new-service', empty)).toEqual({
    name: 'my-new-service',
    subject: 'my-new-service',
    port: 8191,
    database: 'my_new_service',
    envPrefix: 'MY_NEW_SERVICE',
    databaseVariable: 'MY_NEW_SERVICE_DATABASE_URL',
  })
  expect(planService('billing-api', { ...empty, ports: { a: 8191, b: 8192, c: 8194 } }).port).toBe(8193)
  expect(() => planService('Billing', empty)).toThrow(BadName)
})
