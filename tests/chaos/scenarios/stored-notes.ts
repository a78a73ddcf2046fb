import { tryParseJson } from '@jan/service-kit/json-body'
import { storedThings } from '../harness/stored-things.ts'

const textOf = (key: string) => `the note of ${key}`

export const scenario = storedThings({
  service: 'template-api',
  path: '/v1/template/notes',
  open: (database) => ({
    environment: { TEMPLATE_DATABASE_URL: database.url },
    bodyOf: (key) => ({ text: textOf(key) }),
  }),
  isContent: (key, body) => (tryParseJson(body.toString()) as { text?: unknown } | undefined)?.text === textOf(key),
  listSql: 'SELECT id, workspace_id AS owner FROM note',
})
