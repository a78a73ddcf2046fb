import { modelIdOf } from '@jan/local-model/gguf-file'
import type { Layout } from './layout.ts'
import { modelFileOf, modelOf, usesSimulator } from './model-choice.ts'

/** What somebody who has just started a platform should know, and can try. */
export const banner = (layout: Layout, env: NodeJS.ProcessEnv): string =>
  [
    modelLine(layout, env),
    ...openLine(env),
    tryThis(layout, usesSimulator(env) ? 'jan-v1-4b' : (modelOf(env) ?? 'a model of yours')),
  ].join('\n')

function modelLine(layout: Layout, env: NodeJS.ProcessEnv): string {
  if (usesSimulator(env))
    return 'The answers come from jan-simulator: a script, not a model. Set JAN_MODEL_BASE_URL, JAN_MODEL_API_KEY and JAN_MODEL, or JAN_MODEL_GGUF, to use a model.'
  const file = modelFileOf(env, layout.root)
  const own = file && `${modelIdOf(file)}, which runs on this machine (${file})`
  if (!env.JAN_MODEL_BASE_URL) return `The model is ${own}.`
  const there = `The model is ${env.JAN_MODEL ?? 'what'} at ${env.JAN_MODEL_BASE_URL}${env.JAN_MODEL ? '' : ' offers'}.`
  return own ? `${there} There is also ${own}.` : there
}

const openLine = (env: NodeJS.ProcessEnv) =>
  /^(false|0|no|off)$/i.test(env.AUTH_ENABLED ?? '')
    ? ['AUTH_ENABLED=false: everybody is the user `local`; no token is asked for.']
    : []

const tryThis = ({ ports }: Layout, model: string) => `
Try this:

  export TOKEN=$(curl -s -X POST http://localhost:${ports.gateway}/auth/guest-login | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

  curl -N http://localhost:${ports.gateway}/v1/chat/completions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"model":"${model}","messages":[{"role":"user","content":"Hello!"}],"stream":true}'

  curl -N http://localhost:${ports.gateway}/v1/responses -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"model":"${model}","input":"Search for the latest AI news and run python to compute 6*7","stream":true}'

  curl http://localhost:${ports.gateway}/v1/mcp -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

  // with the OpenAI SDK (npm install openai), in a file that ends in .mjs
  import OpenAI from 'openai'
  const openai = new OpenAI({ baseURL: 'http://localhost:${ports.gateway}/v1', apiKey: process.env.TOKEN })
  console.log((await openai.responses.create({ model: '${model}', input: 'Hello!' })).output_text)
`
