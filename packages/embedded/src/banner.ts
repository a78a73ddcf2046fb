import type { Layout } from './layout.ts'
import { usesSimulator } from './parts.ts'

/** What somebody who has just started a platform should know, and can try. */
export const banner = (layout: Layout, env: NodeJS.ProcessEnv): string =>
  [
    modelLine(env),
    ...openLine(env),
    tryThis(layout, usesSimulator(env) ? 'jan-v1-4b' : (env.JAN_MODEL ?? 'a model of yours')),
  ].join('\n')

const modelLine = (env: NodeJS.ProcessEnv) =>
  usesSimulator(env)
    ? 'The answers come from jan-simulator: a script, not a model. Set JAN_MODEL_BASE_URL, JAN_MODEL_API_KEY and JAN_MODEL to use a model.'
    : `The model is ${env.JAN_MODEL ?? 'what'} at ${env.JAN_MODEL_BASE_URL}${env.JAN_MODEL ? '' : ' offers'}.`

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
