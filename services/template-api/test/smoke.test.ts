import { createTestDatabase } from '@jan/testkit/postgres'
import { startServiceProcess } from '@jan/testkit/service-process'
import { expect, test } from '@jest/globals'
import { KEYS } from './boot.ts'

test('on the real runtime the service starts, keeps a note, and stops when told [T-26 H-27]', async () => {
  const database = await createTestDatabase({ service: 'template-api' })
  {
    await using service = await startServiceProcess('template-api', () => ({
      TEMPLATE_DATABASE_URL: database.url,
      ...KEYS,
      AUTH_ENABLED: 'false',
    }))
    const made = await fetch(`${service.url}/v1/template/notes`, { method: 'POST', body: '{"text":"hello"}' })
    expect(made.status).toBe(201)
    const note = (await made.json()) as { id: string }
    const read = await fetch(`${service.url}/v1/template/notes/${note.id}`)
    expect(await read.json()).toEqual(note)
    expect(await service.stop()).toBe(0)
  }
  await database.drop()
})
