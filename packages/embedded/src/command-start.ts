import { statusTable } from './command-status.ts'
import type { Layout } from './layout.ts'
import { usesSimulator } from './parts.ts'
import { startPlatform } from './supervisor.ts'

/** The platform in the foreground: a table, things to try, and an orderly stop on Ctrl-C. */
export async function start(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const began = Date.now()
  const asked = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal))
  })
  const platform = await startPlatform(layout, env, (line) => console.error(line))
  console.log(await statusTable(layout))
  console.log(
    `\nReady in ${((Date.now() - began) / 1000).toFixed(1)} s.${platform.secrets.fresh ? ` The identity provider's admin is admin / ${platform.secrets.identityAdminPassword} (said once; it is kept in ${layout.stateDir}/secrets.json).` : ''}`,
  )
  for (const line of banner(env)) console.log(line)
  console.log(tryThis(layout.ports.gateway))
  await asked
  console.log('\nStopping …')
  // A second Ctrl-C means now.
  process.once('SIGINT', () => process.exit(130))
  await platform.stop()
  console.log('Stopped.')
}

function banner(env: NodeJS.ProcessEnv): string[] {
  return [
    usesSimulator(env)
      ? 'The answers come from jan-simulator: a script, not a model. Set JAN_MODEL_BASE_URL, JAN_MODEL_API_KEY and JAN_MODEL to use a model.'
      : `The model is ${env.JAN_MODEL ?? 'what'} at ${env.JAN_MODEL_BASE_URL}${env.JAN_MODEL ? '' : ' offers'}.`,
    ...(/^(false|0|no|off)$/i.test(env.AUTH_ENABLED ?? '')
      ? ['AUTH_ENABLED=false: everybody is the user `local`; no token is asked for.']
      : []),
  ]
}

const tryThis = (port: number) => `
Try this:

  TOKEN=$(curl -s -X POST http://localhost:${port}/auth/guest-login | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

  curl -N http://localhost:${port}/v1/chat/completions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"model":"jan-v1-4b","messages":[{"role":"user","content":"Hello!"}],"stream":true}'

  curl -N http://localhost:${port}/v1/responses -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"model":"jan-v1-4b","input":"Search for the latest AI news and run python to compute 6*7","stream":true}'

  curl http://localhost:${port}/v1/mcp -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

  // with the OpenAI SDK (npm install openai)
  const openai = new OpenAI({ baseURL: 'http://localhost:${port}/v1', apiKey: process.env.TOKEN })
  const answer = await openai.responses.create({ model: 'jan-v1-4b', input: 'Hello!' })

Ctrl-C stops everything.`
