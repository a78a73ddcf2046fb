import { json } from '@jan/service-kit/answer'
import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { createNote } from './create-note.ts'
import { CreateNote, NoteAnswer } from './note.schema.ts'
import type { Note } from './note.store.ts'
import { requireNote } from './require-note.ts'

export const noteRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'create_template_note',
    method: 'post',
    path: '/v1/template/notes',
    summary: 'Keep a note',
    auth: 'person',
    idempotent: true,
    body: CreateNote,
    answers: { 201: NoteAnswer },
    tool: {},
    handler: async ({ body, who }) => json(presentNote(await createNote(deps, who, body)), { status: 201 }),
  }),
  route({
    operation: 'get_template_note',
    method: 'get',
    path: '/v1/template/notes/{id}',
    summary: 'Read a note',
    auth: 'person',
    params: z.object({ id: z.string() }),
    answers: { 200: NoteAnswer },
    tool: {},
    handler: async ({ params, who }) => presentNote(await requireNote(deps, who, params.id)),
  }),
]

const presentNote = ({ id, text, createdAt }: Note): NoteAnswer => ({
  id,
  object: 'note',
  text,
  created_at: Math.floor(createdAt.getTime() / 1000),
})
