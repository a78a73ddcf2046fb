import { createTestDatabase } from '@jan/testkit/postgres'
import { startServiceProcess } from '@jan/testkit/service-process'
import { expect, test } from '@jest/globals'
import { fieldKeys, internalKeys } from './boot.ts'
import { fakeModel } from './fake-model.ts'
import { fakeTools, said } from './fake-tools.ts'

test('on the real runtime the service starts, answers with tools, and stops when told [H-27]', async () => {
  const database = await createTestDatabase({ service: 'response-api' })
  const [model, tools] = await Promise.all([fakeModel(), fakeTools()])
  {
    await using service = await startServiceProcess('response-api', () => ({
      RESPONSE_DATABASE_URL: database.url,
      INTERNAL_TOKEN_KEYS: internalKeys,
      FIELD_ENCRYPTION_KEYS: fieldKeys,
      LLM_API_URL: model.url,
      MCP_TOOLS_URL: tools.url,
      DEFAULT_MODEL: 'm',
      AUTH_ENABLED: 'false',
    }))
    tools.offer({ now: () => said('noon') })
    model.play({ calls: [{ name: 'now', args: '{}' }] }, { text: ['It is noon'] })
    const answer = await fetch(`${service.url}/v1/responses`, {
      method: 'POST',
      body: JSON.stringify({ input: 'When?' }),
    })
    expect(await answer.json()).toMatchObject({
      status: 'completed',
      output: [{ type: 'mcp_call', output: 'noon' }, { type: 'message' }],
    })
    expect(await service.stop()).toBe(0)
  }
  await Promise.all([model.close(), tools.close()])
  await database.drop()
})
