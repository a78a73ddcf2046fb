import type { Person } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import type { ReadResourceResult, Resource, ResourceTemplateType } from '@modelcontextprotocol/server'

/** Whose resources, and for how long somebody waits for them. */
export type Reader = { caller: Person } & Pick<Who, 'requestId' | 'signal' | 'log'>

export type ResourcePage = { resources: Resource[]; nextCursor?: string }

/** Where resources come from: what a person has stored or indexed here, as MCP clients see it. */
export type ResourceSource = {
  /** All its addresses begin like this, and no other source's do. */
  prefix: string
  /** How its addresses are made, for clients that know an id. */
  templates: ResourceTemplateType[]
  /** One page of the reader's own, newest first. @throws AppError */
  list(reader: Reader, cursor: string | undefined): Promise<ResourcePage>
  /** Undefined for what is not there or not theirs. @throws AppError */
  read(reader: Reader, uri: string): Promise<ReadResourceResult['contents'] | undefined>
}
