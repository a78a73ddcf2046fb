import type { Scenario } from '../harness/scenario.ts'
import { chatRelay } from './chat-relay.ts'
import { chatStream } from './chat-stream.ts'
import { guestLogin } from './guest-login.ts'
import { rateLimiter } from './rate-limiter.ts'

export const SCENARIOS: Scenario<unknown>[] = [chatRelay, chatStream, guestLogin, rateLimiter]

export const scenarioNamed = (name: string): Scenario<unknown> => SCENARIOS.find((each) => each.name === name)!
