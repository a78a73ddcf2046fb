import { z } from 'zod'
import { empty, relay } from './answer.ts'
import { AppError } from './errors.ts'
import { type Route, route, streamOf } from './route.ts'

/** What a service keeps of a workspace: of its own, and of what belongs to it elsewhere. */
export type WorkspaceData = {
  /** Deletes all of it. What is gone already is as good: it is asked until it succeeds. */
  erase(workspaceId: string): Promise<void>
  /** All of it, as JSON values by kind, read as they are sent. */
  tell(workspaceId: string): Record<string, AsyncIterable<unknown>>
}

/** Who may ask for it: the service that knows the people. */
const KEEPER_OF_PEOPLE = 'llm-api'
const Params = z.object({ workspace_id: z.string().min(1) })

export const workspacePath = (workspaceId: string): string => `/internal/workspaces/${encodeURIComponent(workspaceId)}`

/** How a service forgets a person, and tells all it knows of one. The service's name makes the operations' names its own. */
export const workspaceRoutes = (service: string, data: WorkspaceData): Route[] => [
  route({
    operation: `erase_workspace_in_${snake(service)}`,
    method: 'delete',
    path: '/internal/workspaces/{workspace_id}',
    summary: 'Delete everything of a workspace',
    auth: 'service',
    params: Params,
    answers: { 204: null },
    handler: async ({ params, who }) => {
      requireKeeper(who.caller.service)
      await data.erase(params.workspace_id)
      return empty()
    },
  }),
  route({
    operation: `export_workspace_in_${snake(service)}`,
    method: 'get',
    path: '/internal/workspaces/{workspace_id}/export',
    summary: 'Everything of a workspace',
    auth: 'service',
    params: Params,
    answers: { 200: streamOf('application/json', 'An object with a list for each kind of thing') },
    handler: ({ params, who }) => {
      requireKeeper(who.caller.service)
      return relay(jsonOf(data.tell(params.workspace_id)), {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
      })
    },
  }),
]

const snake = (name: string) => name.replaceAll('-', '_')

function requireKeeper(service: string): void {
  if (service !== KEEPER_OF_PEOPLE) throw new AppError('forbidden', `Only ${KEEPER_OF_PEOPLE} may ask for this`)
}

/** `{"notes":[…],"files":[…]}`, written as its values come. */
export async function* jsonOf(lists: Record<string, AsyncIterable<unknown>>): AsyncGenerator<Uint8Array> {
  let before = '{'
  for (const [name, values] of Object.entries(lists)) {
    yield Buffer.from(`${before}${JSON.stringify(name)}:[`)
    let comma = ''
    for await (const value of values) {
      yield Buffer.from(`${comma}${JSON.stringify(value)}`)
      comma = ','
    }
    before = '],'
  }
  yield Buffer.from(before === '{' ? '{}' : ']}')
}

/** Rows, some at a time: `next` gives those after a row, and none at the end. */
export async function* pagesOf<T>(next: (last: T | undefined) => Promise<T[]>): AsyncGenerator<T> {
  for (let last: T | undefined; ; ) {
    const rows = await next(last)
    if (rows.length === 0) return
    yield* rows
    last = rows.at(-1)
  }
}
