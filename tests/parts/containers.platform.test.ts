import { execFileSync, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { fromPart } from '@jan/testkit/real-part'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

const ROOT = resolve(import.meta.dirname, '../..')
const host = ['--host', fromPart('JAN_TEST_DOCKER_HOST')]
const docker = (...args: string[]) =>
  execFileSync(fromPart('JAN_TEST_DOCKER'), [...host, ...args], { encoding: 'utf8' }).trim()
const inside = (...command: string[]) =>
  spawnSync(fromPart('JAN_TEST_DOCKER'), [...host, 'exec', container, ...command], { encoding: 'utf8' })

/** The model simulator from its sources: nobody's user, nothing to write to, no rights, no network but its own. */
let container: string
beforeAll(() => {
  container = docker(
    ...['run', '--detach', '--user', '1000:1000', '--read-only', '--cap-drop', 'ALL', '--network', 'none'],
    ...['--security-opt', 'no-new-privileges', '--volume', `${ROOT}:/app:ro`, '--workdir', '/app'],
    ...[fromPart('JAN_TEST_DOCKER_IMAGE'), 'node', 'packages/model-simulator/src/main.ts'],
  )
})
afterAll(() => void docker('rm', '--force', container))

test('a program of ours runs from its sources and answers inside its container', async () => {
  const ask = `fetch('http://127.0.0.1:8101/healthz').then(async (r) => console.log(r.status, await r.text()))`
  const said = await until(async () => {
    const { status, stdout } = inside('node', '-e', ask)
    if (docker('inspect', '--format', '{{.State.Running}}', container) !== 'true')
      throw new Error(docker('logs', container))
    return status === 0 ? stdout : undefined
  })
  expect(said).toMatch(/^200 /)
})

test('it runs as user 1000, on the Node that is pinned, and can write nothing', () => {
  expect(inside('node', '-p', 'process.getuid() + process.version').stdout.trim()).toBe(`1000${process.version}`)
  expect(inside('sh', '-c', 'echo x > /x')).toMatchObject({ status: 1, stderr: expect.stringContaining('Read-only') })
})

test('it ends when it is told to', () => {
  docker('stop', '--time', '10', container)
  expect(docker('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('0')
})
