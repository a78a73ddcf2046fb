import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { silentLogger as log } from '@jan/service-kit/logger'
import type { Deployment, OfferedModel } from '../src/models/offered-model.ts'
import type { CallMetrics } from '../src/usage/call-metrics.ts'
import { createMeter, type MeterDeps } from '../src/usage/metering.ts'
import { createPayloadChoices } from '../src/usage/payload-choices.ts'
import type { WorkspaceSettingsStore } from '../src/usage/workspace-settings.store.ts'

/** A process whose requests are traced: two people call a model once each, and only `ann` has asked for payloads. */
const store = { recording: async () => ['ann'] } as unknown as WorkspaceSettingsStore
const payloads = createPayloadChoices(store, log)
await payloads.changed()

const meter = createMeter({
  limits: { take: () => undefined },
  budgets: { require: () => undefined, spending: { add: () => undefined } } as unknown as MeterDeps['budgets'],
  ledger: { add: () => undefined, flush: async () => undefined },
  payloads,
  metrics: { ended: () => undefined } as unknown as CallMetrics,
  now: () => new Date(),
  newCallId: () => 'call_1',
})
const deployment = { providerName: 'here', kind: 'vllm', modelId: 'm-q4', prices: {} } as Deployment
const model = { id: 'm' } as OfferedModel

const server = createServer(async ({ url }, response) => {
  const subject = url!.slice(1)
  const who = { caller: { kind: 'user', subject, workspaceId: subject, roles: [] }, requestId: 'r' } as never
  const call = {
    operation: 'chat',
    model,
    promptBytes: 4,
    maxTokens: 50,
    conversationId: 'conv_1',
    stream: true,
  } as const
  const metering = await meter.begin(who, call)
  metering.payload('input', () => `what ${subject} asked`)
  metering.served(deployment, 2)
  metering.firstToken()
  const usage = { promptTokens: 7, completionTokens: 3, cachedTokens: 2, reasoningTokens: 1 }
  metering.end(subject === 'ann' ? { outcome: 'ok', status: 200, usage } : { outcome: 'failed', status: 502 })
  response.end()
})
await once(server.listen(0, '127.0.0.1'), 'listening')
for (const subject of ['ann', 'ben'])
  await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${subject}`)).text()
server.closeAllConnections()
server.close()
