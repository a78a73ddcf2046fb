import { tryParseJson } from '@jan/service-kit/json-body'
import { storedThings } from '../harness/stored-things.ts'

const textOf = (key: string) => `the note of ${key}`

export const scenario = storedThings({
  service: 'template-api',
  environment: (database) => ({ TEMPLATE_DATABASE_URL: database.url }),
  create: { path: '/v1/template/notes', body: (key) => ({ text: textOf(key) }) },
  read: {
    path: (id) => `/v1/template/notes/${id}`,
    isContent: (key, body) => (tryParseJson(body.toString()) as { text?: unknown } | undefined)?.text === textOf(key),
  },
  listSql: 'SELECT id, workspace_id AS owner FROM note',
})
