import { expect, test } from '@jest/globals'
import { banner } from '../src/banner.ts'
import { readLayout } from '../src/layout.ts'

const say = (env: NodeJS.ProcessEnv) => banner(readLayout(env), env)

test('who answers is said: a script, or the model that was named [H-25 H-26]', () => {
  expect(say({})).toMatch(/^The answers come from jan-simulator: a script, not a model\./)
  const named = say({ JAN_MODEL_BASE_URL: 'http://localhost:11434/v1', JAN_MODEL: 'qwen3' })
  expect(named).toMatch(/^The model is qwen3 at http:\/\/localhost:11434\/v1\./)
  expect(named).toContain('"model":"qwen3"')
  expect(named).not.toContain('simulator')
})

test('a model of this machine is said by name and file [P-063]', () => {
  const own = say({ JAN_MODEL_GGUF: '/models/tiny.gguf' })
  expect(own).toMatch(/^The model is tiny, which runs on this machine \(\/models\/tiny\.gguf\)\.\n/)
  expect(own).toContain('"model":"tiny"')
  const both = say({ JAN_MODEL_GGUF: '/models/tiny.gguf', JAN_MODEL_BASE_URL: 'http://localhost:11434/v1' })
  expect(both).toMatch(/^The model is what at http:.* offers\. There is also tiny, which runs/)
})

test('that nobody is asked for a token is said [P-018]', () => {
  expect(say({ AUTH_ENABLED: 'False' })).toContain('everybody is the user `local`')
  expect(say({})).not.toContain('local`')
})

test('what to try goes to the ports that are used [H-05 P-036]', () => {
  expect(say({ JAN_PORT_OFFSET: '100' })).toContain('http://localhost:8100/v1/responses')
})
