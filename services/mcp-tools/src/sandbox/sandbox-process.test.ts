import { expect, test } from '@jest/globals'
import { startSandboxProcess } from './sandbox-process.ts'

test.each([
  ['that is not there', '/nonexistent/deno', []],
  ['that ends at once', '/bin/sh', ['-c', 'echo broken >&2; exit 1']],
  ['that talks of something else', '/bin/sh', ['-c', 'echo hello; exec sleep 60']],
])('a runtime %s makes the sandbox unavailable and leaves no process', async (_name, file, args) => {
  const process = startSandboxProcess({ file, args, env: {} }, 1_000)
  await expect(process.ready).rejects.toMatchObject({
    name: 'SandboxUnavailable',
    message: 'The sandbox does not start',
  })
  await process.closed
})
