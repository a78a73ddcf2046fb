import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { adminLine } from '../src/command-start.ts'
import { readLayout } from '../src/layout.ts'
import { isAlive, untilGone } from '../src/processes.ts'
import { SERVICE_NAMES } from '../src/services.ts'

/** One platform with ports and state of its own, in a folder with a space in its name that only its owner may enter. */
const OFFSET = '13000'
const stateDir = join(mkdtempSync(join(tmpdir(), 'jan platform ')), 'state')
const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
const environment = { PATH, HOME, NODE_COMPILE_CACHE, JAN_PORT_OFFSET: OFFSET, JAN_STATE_DIR: stateDir }
const layout = readLayout(environment)
const CLI = join(import.meta.dirname, '../src/cli.ts')
const cli = (command: string, variables: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, [CLI, command], {
    env: { ...environment, ...variables },
  }).then(
    ({ stdout }) => ({ code: 0, said: stdout.trim() }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      said: `${error.stdout}${error.stderr}`.trim(),
    }),
  )
type Running = { pid: number; state: string; children: Record<string, number> }
const running = (): Running => JSON.parse(readFileSync(join(stateDir, 'run.json'), 'utf8'))
const login = async (email: string, password: string, { realm = 'jan', clientId = 'jan-client' } = {}) => {
  const body = new URLSearchParams({ grant_type: 'password', client_id: clientId, username: email, password })
  return (
    await fetch(`http://localhost:${layout.ports.identity}/realms/${realm}/protocol/openid-connect/token`, {
      method: 'POST',
      body,
    })
  ).status
}
/** What a command says, up to the line that is waited for. */
async function saidUntil(stream: Readable, end: string): Promise<string> {
  let said = ''
  while (!said.includes(end)) said += String((await once(stream, 'data'))[0])
  return said
}

const openPorts = async (host: string) => {
  const ports = Object.values(layout.ports)
  const open = await Promise.all(ports.map((port) => isOpen(port, host)))
  return ports.filter((_port, index) => open[index])
}

const isOpen = (port: number, host: string) =>
  new Promise<boolean>((done) => {
    const socket = connect({ port, host, timeout: 1000 }, () => done(true))
    socket.once('error', () => done(false)).once('timeout', () => done(false))
    socket.once('connect', () => socket.destroy())
  })

beforeAll(
  () => expect(cli('start-bg')).resolves.toMatchObject({ code: 0, said: expect.stringContaining('Ready') }),
  90_000,
)
afterAll(async () => {
  await cli('stop')
  await cli('reset')
  rmSync(join(stateDir, '..'), { recursive: true, force: true })
}, 60_000)

test('a platform that runs is shown, and is not started twice [H-07 H-67 P-036]', async () => {
  const status = await cli('status')
  const up = [...status.said.matchAll(/^ {2}(\S+) .* up$/gm)].map(([, name]) => name)
  expect([status.code, up]).toEqual([0, ['gateway', ...SERVICE_NAMES, 'identity', 'simulator', 'postgres', 'redis']])
  expect(await cli('start')).toMatchObject({
    code: 1,
    said: expect.stringMatching(/^The platform already runs \(pid \d+\)/),
  })
  expect(await cli('start-bg')).toMatchObject({ code: 0, said: expect.stringMatching(/already runs/) })
})

test('secrets are readable by their owner only, and stand in no log', () => {
  expect(statSync(join(stateDir, 'secrets.json')).mode & 0o777).toBe(0o600)
  expect(statSync(join(stateDir, 'logs')).mode & 0o777).toBe(0o700)
  const secrets = Object.values(
    JSON.parse(readFileSync(join(stateDir, 'secrets.json'), 'utf8')) as Record<string, string>,
  )
  const logs = readdirSync(join(stateDir, 'logs')).map((name) => readFileSync(join(stateDir, 'logs', name), 'utf8'))
  expect(secrets.filter((secret) => logs.some((log) => log.includes(secret)))).toEqual([])
})

test('a part that dies is started again', async () => {
  const before = running().children['media-api']!
  process.kill(before, 'SIGKILL')
  const isBack = async () =>
    running().children['media-api'] !== before &&
    (await fetch(`http://localhost:${layout.ports['media-api']}/readyz`)).ok
  await until(() => isBack().catch(() => false))
}, 30_000)

test('the admin of the identity provider has a generated password, which a person is told once [P-038]', async () => {
  const { identityAdminPassword } = JSON.parse(readFileSync(join(stateDir, 'secrets.json'), 'utf8'))
  expect(await login('admin', identityAdminPassword, { realm: 'master', clientId: 'admin-cli' })).toBe(200)
  expect(await login('admin', 'admin', { realm: 'master', clientId: 'admin-cli' })).toBe(400)
  const told = (fresh: boolean, isForPerson: boolean) =>
    adminLine(layout, { fresh, identityAdminPassword }, isForPerson)
  expect(told(true, true)).toContain(`admin / ${identityAdminPassword}`)
  expect(told(true, false)).not.toContain(identityAdminPassword)
  expect(told(false, true)).toBe('')
})

test('users are created once, with a password and an API key that work [H-11 H-14 I-058]', async () => {
  const made = await cli('user', { EMAIL: 'ada@example.com', PASSWORD: 'correct horse', ROLE: 'admin', JSON: '1' })
  const ada = JSON.parse(made.said)
  expect(ada).toEqual({
    email: 'ada@example.com',
    password: 'correct horse',
    user_id: expect.any(String),
    api_key: expect.stringMatching(/^sk_live_/),
  })
  const asAda = { headers: { authorization: `Bearer ${ada.api_key}` } }
  const gateway = `http://localhost:${layout.ports.gateway}`
  expect(await (await fetch(`${gateway}/auth/me`, asAda)).json()).toMatchObject({ id: ada.user_id, is_guest: false })
  expect((await fetch(`${gateway}/v1/admin/audit`, asAda)).status).toBe(200)
  expect(await login('ada@example.com', 'correct horse')).toBe(200)
  expect(await cli('user', { EMAIL: 'ada@example.com' })).toEqual({
    code: 1,
    said: 'There is already a user ada@example.com',
  })
  expect((await cli('user', { EMAIL: 'bob@example.com', ROLE: '', PASSWORD: '' })).said).toMatch(
    /^Created bob@example.com \(user\)/,
  )
  expect((await cli('user', { EMAIL: 'nobody' })).said).toMatch(/^Say who: make user EMAIL=/)
  expect((await cli('user', { EMAIL: 'eve@example.com', ROLE: 'king' })).said).toBe('ROLE is user or admin, not king')
})

test('after kill -9 of the supervisor its children stop, and the next start has all data [H-64]', async () => {
  const { pid, children } = running()
  process.kill(pid, 'SIGKILL')
  for (const child of Object.values(children)) expect(await untilGone(child, 15_000)).toBe(true)
  const postmaster = Number(readFileSync(join(stateDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])
  expect(isAlive(postmaster)).toBe(true)
  expect((await cli('status')).code).toBe(3)
  expect(await cli('start-bg')).toMatchObject({ code: 0 })
  expect(isAlive(postmaster)).toBe(false)
  expect(await login('ada@example.com', 'correct horse')).toBe(200)
}, 90_000)

test('stopping leaves nothing running; a taken port is one line that says by whom; reset leaves nothing at all [H-07 H-08 H-10 H-65 P-036]', async () => {
  const { pid, children } = running()
  expect(await cli('stop')).toEqual({ code: 0, said: 'Stopped.' })
  expect([pid, ...Object.values(children)].filter((each) => isAlive(each))).toEqual([])
  const squatter = createServer().listen(layout.ports['llm-api'], '127.0.0.1')
  const refused = await cli('start')
  expect(refused.code).toBe(1)
  expect(refused.said).toMatch(
    /^Port 21080 \(llm-api\) is taken by .*\(pid \d+\); end it, or set JAN_PORT_OFFSET to move all ports$/,
  )
  const doctor = await cli('doctor')
  expect([doctor.code, doctor.said]).toEqual([1, expect.stringMatching(/NO {3}port 21080 \(llm-api\) is taken by/)])
  squatter.close()
  await cli('reset')
  expect(existsSync(stateDir)).toBe(false)
}, 60_000)

test('what a killed platform left is ended by stop', async () => {
  await cli('start-bg')
  const { pid } = running()
  const postmaster = Number(readFileSync(join(stateDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])
  process.kill(pid, 'SIGKILL')
  expect(await untilGone(pid, 10_000)).toBe(true)
  expect(await cli('stop')).toEqual({ code: 0, said: 'Stopped what a killed platform had left behind.' })
  expect(isAlive(postmaster)).toBe(false)
}, 60_000)

test('a start that is interrupted leaves nothing, and a bad setting is told in its own words [H-06 H-65]', async () => {
  const starting = spawn(process.execPath, [CLI, 'start'], { env: environment })
  const said = starting.stdout.toArray()
  while (!existsSync(join(stateDir, 'run.json'))) await new Promise((done) => setTimeout(done, 20))
  starting.kill('SIGINT')
  expect(Buffer.concat(await said).toString()).toBe('Stopped before it was ready.\n')
  expect((await cli('status')).said.match(/\bup$/gm)).toBeNull()
  const refused = await cli('start', { JAN_MODEL_BASE_URL: 'notaurl' })
  expect(refused.said).toMatch(
    /^llm-api ended at start: Error: The configuration is not usable:\n {2}JAN_MODEL_BASE_URL: expected an http or https URL/,
  )
  await cli('reset')
}, 60_000)

test.each(['start-bg', 'demo'])(
  'a %s that is interrupted leaves nothing [H-02 H-07]',
  async (command) => {
    const begun = spawn(process.execPath, [CLI, command], { env: environment, stdio: 'ignore' })
    while (!existsSync(join(stateDir, 'run.json'))) await new Promise((done) => setTimeout(done, 20))
    const { pid } = running()
    begun.kill('SIGINT')
    expect(await once(begun, 'exit')).toEqual([130, null])
    expect(isAlive(pid)).toBe(false)
    expect((await cli('status')).code).toBe(3)
  },
  60_000,
)

test('in the foreground it says what to try, the demo uses it, and Ctrl-C ends it all [H-02 H-05 H-06 H-09 P-037]', async () => {
  const foreground = spawn(process.execPath, [CLI, 'start'], { env: environment })
  const said = await saidUntil(foreground.stdout, 'Ctrl-C stops everything.')
  const { gateway } = layout.ports
  expect(said).toMatch(/^ {2}gateway .* up$/m)
  expect(said).toContain(`curl -N http://localhost:${gateway}/v1/chat/completions -H "Authorization: Bearer $TOKEN"`)
  expect(said).toContain(`new OpenAI({ baseURL: 'http://localhost:${gateway}/v1', apiKey: process.env.TOKEN })`)
  const outside = Object.values(networkInterfaces()).flatMap((each) => each?.find(({ internal }) => !internal) ?? [])
  for (const { address } of outside) expect([address, await openPorts(address)]).toEqual([address, []])
  const logs = spawn(process.execPath, [CLI, 'logs'], { env: { ...environment, S: 'llm-api' } })
  expect(await saidUntil(logs.stdout, '\n')).toContain('"service":"llm-api"')
  logs.kill('SIGINT')
  expect(await cli('demo')).toMatchObject({ code: 0, said: expect.stringMatching(/^A platform is up already/) })
  const { children } = running()
  const rest = foreground.stdout.toArray()
  foreground.kill('SIGINT')
  expect(await once(foreground, 'exit')).toEqual([0, null])
  expect((await rest).join('')).toMatch(/Stopped\.\n$/)
  expect(Object.values(children).filter((each) => isAlive(each))).toEqual([])
}, 120_000)

test('the demo shows each call, and leaves nothing of its own [H-01 H-02]', async () => {
  const demo = await cli('demo')
  expect(demo).toMatchObject({ code: 0, said: expect.stringMatching(/^Starting the platform/) })
  const { gateway } = layout.ports
  for (const call of ['auth/guest-login', 'v1/media', 'v1/chat/completions', 'v1/responses', 'v1/mcp'])
    expect(demo.said).toMatch(new RegExp(`→ +POST http://localhost:${gateway}/${call}[\\s\\S]*← +20[01]`))
  expect(demo.said).toMatch(/Done in .* all through http:/)
  expect((await cli('status')).code).toBe(3)
  expect(existsSync(join(stateDir, 'run.json'))).toBe(false)
}, 120_000)

test('nonsense is refused in one line [H-65]', async () => {
  expect(await cli('dance')).toMatchObject({
    code: 1,
    said: expect.stringMatching(/^No command 'dance'; there are start,/),
  })
  expect(await cli('status', { JAN_PORT_OFFSET: 'x' })).toMatchObject({
    code: 1,
    said: 'JAN_PORT_OFFSET must be a whole number from 0 to 16000',
  })
  expect((await cli('logs', { S: 'nope' })).said).toMatch(/^Say which log: make logs S=/)
})
