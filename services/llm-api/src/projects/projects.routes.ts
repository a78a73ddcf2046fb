import { json } from '@jan/service-kit/answer'
import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { createProject } from './create-project.ts'
import { listProjects } from './list-projects.ts'
import { presentProject } from './present-project.ts'
import {
  CreateProject,
  DeletedProject,
  ProjectAnswer,
  ProjectPage,
  ProjectParams,
  ProjectQuery,
  UpdateProject,
} from './project.schema.ts'
import { noSuchProject, requireProject } from './require-project.ts'
import { updateProject } from './update-project.ts'

/** The longest instruction with every character escaped, and some room. */
const BODY_LIMIT = 524_288
const common = { auth: 'person', scope: 'chat' } as const

export const projectRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'create_project',
    method: 'post',
    path: '/v1/projects',
    summary: 'Make a project',
    description: 'Its instruction is told to the model in every conversation that belongs to it.',
    body: CreateProject,
    bodyLimit: BODY_LIMIT,
    answers: { 201: ProjectAnswer },
    idempotent: true,
    handler: async ({ body, who }) => json(presentProject(await createProject(deps, who, body)), { status: 201 }),
  }),
  route({
    ...common,
    operation: 'list_projects',
    method: 'get',
    path: '/v1/projects',
    summary: 'Your projects',
    description: 'Those changed last come first, archived ones among them. Page with next_cursor.',
    query: ProjectQuery,
    answers: { 200: ProjectPage },
    tool: {},
    handler: ({ query, who }) => listProjects(deps, who, query),
  }),
  route({
    ...common,
    operation: 'get_project',
    method: 'get',
    path: '/v1/projects/{id}',
    summary: 'Get one project',
    params: ProjectParams,
    answers: { 200: ProjectAnswer },
    handler: async ({ params, who }) => presentProject(await requireProject(deps, who, params.id)),
  }),
  updating(deps, 'patch', 'update_project'),
  updating(deps, 'post', 'update_project_by_post'),
  route({
    ...common,
    operation: 'delete_project',
    method: 'delete',
    path: '/v1/projects/{id}',
    summary: 'Delete a project',
    description: 'Its conversations stay, and keep its id. Its name may be given again.',
    params: ProjectParams,
    answers: { 200: DeletedProject },
    handler: async ({ params: { id }, who }) => {
      if (!(await deps.projects.delete(who.caller.workspaceId, id, deps.now()))) throw noSuchProject(id)
      return { id, object: 'project' as const, deleted: true as const }
    },
  }),
]

const updating = (deps: Deps, method: 'patch' | 'post', operation: string): Route =>
  route({
    ...common,
    operation,
    method,
    path: '/v1/projects/{id}',
    summary: 'Change a project',
    description: 'What is absent stays. `is_archived: false` brings an archived one back.',
    params: ProjectParams,
    body: UpdateProject,
    bodyLimit: BODY_LIMIT,
    answers: { 200: ProjectAnswer },
    handler: async ({ params, body, who }) => presentProject(await updateProject(deps, who, { ...body, ...params })),
  })
