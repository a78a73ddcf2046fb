import type { Turn } from '@jan/model-simulator/script'
import { createSimulator } from '@jan/model-simulator/simulator'
import OpenAI from 'openai'
import { bootLlmApi } from '../boot.ts'

type Seen = {
  in_flight: number
  requests: { url: string; headers: Record<string, string>; body: Record<string, unknown>; cut_off: boolean }[]
}

/**
 * This service in front of the real simulator, as a stock client meets it: an address and a key. With `script`, whose
 * turns a test may replace, the model plays it; without, it does what the prompt says.
 */
export async function startJudged(script?: Turn[]) {
  const simulator = await createSimulator({ script }).listen(0, '127.0.0.1')
  const service = await bootLlmApi({ JAN_MODEL_BASE_URL: `${simulator.url}/v1`, REQUESTS_PER_MINUTE: '0' })
  const baseURL = `${service.url}/v1`
  const apiKey = await service.issuer.token('judge')
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 })
  const [first] = (await client.models.list()).data
  return {
    client,
    baseURL,
    apiKey,
    /** What this server calls the simulator's model. */
    model: first!.id,
    /** What reached the simulator. */
    seen: async () => (await (await fetch(`${simulator.url}/simulator/requests`)).json()) as Seen,
    close: async () => {
      await service.close()
      simulator.close()
    },
  }
}
export type Judged = Awaited<ReturnType<typeof startJudged>>
