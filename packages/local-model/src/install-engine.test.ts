import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { modelIdOf } from './gguf-file.ts'
import { binaryOf, ENGINE_VERSION } from './install-engine.ts'

const read = (path: string) => JSON.parse(readFileSync(join(import.meta.dirname, '..', path), 'utf8'))

test('each platform has its binary, and the others are told so [L-014]', () => {
  const on =
    (platform: string, arch: string, isMusl = false) =>
    () =>
      binaryOf({ platform, arch, isMusl })
  expect(on('linux', 'x64')()).toBe('@node-llama-cpp/linux-x64')
  expect(on('darwin', 'arm64')()).toBe('@node-llama-cpp/mac-arm64-metal')
  expect(on('freebsd', 'x64')).toThrow(/^JAN_MODEL_GGUF: no local model runs on freebsd-x64; /)
  expect(on('linux', 'x64', true)).toThrow(/^JAN_MODEL_GGUF: no local model runs on linux-x64 with musl; /)
})

test('its lock is exact, names no address, and no workspace depends on it [L-014]', () => {
  type Lock = { packages: Record<string, { version?: string; resolved?: string; integrity?: string }> }
  const { '': _root, ...packages } = (read('engine/package-lock.json') as Lock).packages
  expect(packages['node_modules/node-llama-cpp']?.version).toBe(ENGINE_VERSION)
  expect(Object.entries(packages).filter(([, { resolved, integrity }]) => resolved || !integrity)).toEqual([])
  const rootLock = readFileSync(join(import.meta.dirname, '../../../package-lock.json'), 'utf8')
  expect(rootLock).not.toContain('node_modules/node-llama-cpp')
})

test('a model is called as its file [L-014]', () => {
  const names = ['/m/Qwen3-4B.Q4_K_M.gguf', 'big-00001-of-00003.GGUF', 'plain'].map(modelIdOf)
  expect(names).toEqual(['Qwen3-4B.Q4_K_M', 'big', 'plain'])
})
