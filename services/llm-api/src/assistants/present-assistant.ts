import type { z } from 'zod'
import type { AssistantAnswer } from './assistant.schema.ts'
import type { Assistant } from './assistant.store.ts'

export const presentAssistant = (assistant: Assistant): z.input<typeof AssistantAnswer> & { id: string } => ({
  id: assistant.id,
  object: 'assistant',
  name: assistant.name,
  description: assistant.description,
  model: assistant.model,
  instructions: assistant.instructions,
  temperature: assistant.temperature,
  tools: assistant.tools,
  metadata: assistant.metadata,
  shared: assistant.shared,
  created_at: unix(assistant.createdAt),
  updated_at: unix(assistant.updatedAt),
})

const unix = (time: Date) => Math.floor(time.getTime() / 1000)
