import { randomUUID } from 'node:crypto'
import type { Pool } from 'undici'
import { openConnections, post, postForText } from '../harness/exchange.ts'
import { startBenchPlatform } from '../harness/platform.ts'
import type { Contestant, Sample, Scenario } from '../harness/scenario.ts'

/** `backendSecret`: log in at the provider itself, with the secret of the client that may make users. */
type Target = { url: string; backendSecret?: string }

const perLogin = ({ cpu, units }: Sample, tree: string) =>
  cpu[tree] === undefined ? undefined : cpu[tree] / units / 1000

export const guestLogin: Scenario<Target> = {
  name: 'guest-login',
  title: 'Guest login',
  about:
    '`POST /auth/guest-login`, one after another, before the embedded identity provider. The floor is the same calls made at the provider directly: create the user, then log in with its password.',
  concurrency: 1,
  warmUp: 100,
  columns: [
    { title: 'logins/s', of: ({ units, seconds }) => units / seconds },
    { title: 'p50 ms', of: ({ ms }) => ms.p50 },
    { title: 'p50 ms beside the provider', of: ({ ms }, floor) => ms.p50 - floor.ms.p50 },
    { title: 'p99 ms', of: ({ ms }) => ms.p99 },
    { title: 'CPU ms of llm-api', of: (sample) => perLogin(sample, 'llm-api'), digits: 2 },
    { title: 'CPU ms of the provider', of: (sample) => perLogin(sample, 'provider') },
  ],
  async setUp(bench) {
    const { url, pid, secrets } = await startBenchPlatform(bench, {})
    const provider = pid('identity')
    const contestants: Contestant<Target>[] = [
      {
        name: 'the provider directly',
        target: { url: url('identity'), backendSecret: secrets.backendClientSecret },
        trees: { provider },
      },
      { name: 'llm-api', target: { url: url('llm-api') }, trees: { 'llm-api': pid('llm-api'), provider } },
    ]
    return contestants
  },
  connect({ url, backendSecret }) {
    const connections = openConnections(url)
    const logIn = backendSecret === undefined ? throughLlmApi(connections) : atProvider(connections, backendSecret)
    return {
      visit: async (count) => {
        requireToken(await logIn())
        count(1)
        return {}
      },
      close: () => connections.destroy(),
    }
  },
}

const throughLlmApi = (connections: Pool) => () =>
  postForText(connections, { path: '/auth/guest-login', headers: {}, body: '' })

function atProvider(connections: Pool, secret: string): () => Promise<string> {
  const askForTokens = (form: Record<string, string>) =>
    postForText(connections, {
      path: '/realms/jan/protocol/openid-connect/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    })
  const backend = askForTokens({ grant_type: 'client_credentials', client_id: 'backend', client_secret: secret })
  return async () => {
    const [username, password] = [`guest-${randomUUID()}`, randomUUID()]
    const user = {
      username,
      enabled: true,
      attributes: { guest: ['true'] },
      groups: ['/guests'],
      credentials: [{ type: 'password', value: password, temporary: false }],
    }
    const headers = { authorization: `Bearer ${requireToken(await backend)}`, 'content-type': 'application/json' }
    await post(connections, { path: '/admin/realms/jan/users', headers, body: JSON.stringify(user) }, () => {})
    return askForTokens({
      grant_type: 'password',
      client_id: 'jan-client',
      scope: 'openid profile email',
      username,
      password,
    })
  }
}

function requireToken(text: string): string {
  const { access_token: token } = JSON.parse(text) as { access_token?: string }
  if (!token) throw new Error('a login brought no token')
  return token
}
