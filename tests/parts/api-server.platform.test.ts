import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromPart } from '@jan/testkit/real-part'
import { until } from '@jan/testkit/until'
import { afterAll, expect, test } from '@jest/globals'
import { Agent, fetch } from 'undici'
import { parseAllDocuments } from 'yaml'
import type { Json } from '../platform.ts'
import { renderChart, validate } from './chart-tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'jan-chart-'))
const trusted = new Agent({ connect: { ca: readFileSync(fromPart('JAN_TEST_KUBERNETES_CA'), 'utf8') } })
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await trusted.close()
})

const ask = (path: string, body?: Json) =>
  fetch(`${fromPart('JAN_TEST_KUBERNETES_URL')}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${fromPart('JAN_TEST_KUBERNETES_TOKEN')}`, 'content-type': 'application/json' },
    body: body ? JSON.stringify(body) : null,
    dispatcher: trusted,
  })

/** What the server says to an object that it must judge, and not keep. */
async function dryRun(object: Json): Promise<{ status: number; message: string }> {
  await until(async () => (await ask('/api/v1/namespaces/default')).ok)
  const plural = `${object.kind.toLowerCase()}s`
  const where = `/apis/${object.apiVersion}/namespaces/default/${plural}`
  const answer = await ask(`${where}?dryRun=All&fieldValidation=Strict`, object)
  const { message = '' } = (await answer.json()) as Json
  return { status: answer.status, message }
}

const chart = renderChart(join(import.meta.dirname, 'chart'))
const objectsOf = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Json)
const offline = (text: string) => {
  const file = join(folder, 'rendered.yaml')
  writeFileSync(file, text)
  return validate(file).status
}

test('a sound chart passes the server', async () => {
  const objects = objectsOf(chart)
  expect(objects.length).toBeGreaterThan(1)
  for (const object of objects) expect(await dryRun(object)).toEqual({ status: 201, message: '' })
})

test('a wrong choice, which the schemas let through, is refused by the server', async () => {
  const wrong = chart.replace('DoNotSchedule', 'Sometimes')
  expect(wrong).not.toBe(chart)
  expect(offline(wrong)).toBe(0)
  const deployment = objectsOf(wrong).find(({ kind }) => kind === 'Deployment')!
  expect(await dryRun(deployment)).toMatchObject({ status: 422, message: expect.stringContaining('whenUnsatisfiable') })
})

test('a misspelt field is refused by both', async () => {
  const wrong = chart.replace('minAvailable', 'minAvailabel')
  expect(offline(wrong)).not.toBe(0)
  const budget = objectsOf(wrong).find(({ kind }) => kind === 'PodDisruptionBudget')!
  expect(await dryRun(budget)).toMatchObject({ status: 400, message: expect.stringContaining('minAvailabel') })
})
