import { PageQuery, pageOf } from '@jan/service-kit/page'
import { z } from 'zod'
import { keptText, label } from './kept-text.schema.ts'

const FIELDS = {
  name: label(120).describe('1 to 120 characters; another project of yours may not have it'),
  instruction: keptText(32_768).nullish().describe('What models are told in every conversation of the project'),
  is_favorite: z.boolean().optional(),
  is_archived: z.boolean().optional(),
}

export const CreateProject = z.looseObject(FIELDS).meta({ id: 'CreateProject' })
export type CreateProject = z.output<typeof CreateProject>

export const UpdateProject = z
  .looseObject({ ...FIELDS, name: FIELDS.name.optional() })
  .meta({ id: 'UpdateProject', description: 'What is absent stays; instruction: null clears it' })
export type UpdateProject = z.output<typeof UpdateProject>

export const ProjectAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('project'),
    name: z.string(),
    instruction: z.string().optional().describe('Absent when there is none'),
    is_favorite: z.boolean(),
    is_archived: z.boolean(),
    archived_at: z.int().optional().describe('Unix time; while it is archived'),
    created_at: z.int().describe('Unix time in seconds'),
    updated_at: z.int().describe('Unix time in seconds'),
  })
  .meta({ id: 'Project' })

const yesOrNo = () => z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'], error: 'expected true or false' })

export const ProjectQuery = PageQuery.omit({ before: true }).extend({
  order: z.enum(['asc', 'desc']).default('desc').describe('By time of the last change'),
  after: z.string().optional().describe('Projects after the one with this id, as it stands now'),
  cursor: z.string().optional().describe('next_cursor of the page before; it wins over after'),
  archived: yesOrNo().optional().describe('Only those that are, or are not, archived'),
  favorite: yesOrNo().optional().describe('Only those that are, or are not, favorites'),
  search: keptText(200).optional().describe('Only those with this in their name, in capitals or not'),
})
export type ProjectQuery = z.output<typeof ProjectQuery>

export const ProjectPage = pageOf(ProjectAnswer)
  .extend({
    next_cursor: z.string().nullable().describe('What to send as cursor for the next page'),
    total: z.int().describe('How many there are on all pages'),
  })
  .meta({ id: 'ProjectPage' })

/** What stands in a path: anything else was no id of ours, which is told apart from one that is not there. */
export const ProjectParams = z.object({
  id: z.string().regex(/^proj_[0-9a-z]+$/, 'expected the id of a project: proj_…'),
})

export const DeletedProject = z
  .looseObject({ id: z.string(), object: z.literal('project'), deleted: z.literal(true) })
  .meta({ id: 'DeletedProject' })
