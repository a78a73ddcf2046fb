import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readLayout } from '../src/layout.ts'
import { isAlive, untilGone } from '../src/processes.ts'

/** One platform with ports and state of its own, in a folder with a space in its name that only its owner may enter. */
const OFFSET = '13000'
const stateDir = join(mkdtempSync(join(tmpdir(), 'jan platform ')), 'state')
const environment = { PATH: process.env.PATH, HOME: process.env.HOME, JAN_PORT_OFFSET: OFFSET, JAN_STATE_DIR: stateDir }
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
const login = async (email: string, password: string) => {
  const body = new URLSearchParams({ grant_type: 'password', client_id: 'jan-client', username: email, password })
  return (
    await fetch(`http://localhost:${layout.ports.identity}/realms/jan/protocol/openid-connect/token`, {
      method: 'POST',
      body,
    })
  ).status
}

beforeAll(
  () => expect(cli('start-bg')).resolves.toMatchObject({ code: 0, said: expect.stringContaining('Ready') }),
  90_000,
)
afterAll(async () => {
  await cli('stop')
  await cli('reset')
  rmSync(join(stateDir, '..'), { recursive: true, force: true })
}, 60_000)

test('a platform that runs is shown, and is not started twice', async () => {
  const status = await cli('status')
  expect([status.code, status.said.match(/\bup$/gm)?.length]).toEqual([0, 9])
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
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && !(await isBack().catch(() => false)); )
    await new Promise((done) => setTimeout(done, 100))
  expect(await isBack()).toBe(true)
}, 30_000)

test('users are created once, with a password that works', async () => {
  const made = await cli('user', { EMAIL: 'ada@example.com', PASSWORD: 'correct horse', ROLE: 'admin', JSON: '1' })
  expect(JSON.parse(made.said)).toEqual({
    email: 'ada@example.com',
    password: 'correct horse',
    user_id: expect.any(String),
    api_key: null,
  })
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

test('after kill -9 of the supervisor its children stop, and the next start has all data', async () => {
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

test('stopping leaves nothing running; a taken port is one line that says by whom; reset leaves nothing at all', async () => {
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

test('a start that is interrupted leaves nothing, and a bad setting is told in its own words', async () => {
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

test('nonsense is refused in one line', async () => {
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
