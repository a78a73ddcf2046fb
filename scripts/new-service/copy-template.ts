import type { Plan } from './plan.ts'
import type { FileEdit, Tree } from './tree.ts'

const TEMPLATE = 'services/template-api'
/** About the template itself, not about what is made of it. */
const LEFT_OUT = new Set([`${TEMPLATE}/NEW_SERVICE_GUIDE.md`])

/** services/template-api under the new name. */
export const copyTemplate = (plan: Plan, tree: Tree): FileEdit[] =>
  tree
    .list(TEMPLATE)
    .filter((path) => !LEFT_OUT.has(path))
    .map((path) => ({ path: rename(path, plan), content: uncited(rename(tree.read(path), plan)) }))

/**
 * Every way in which the template names itself, under the new name.
 * @throws Error when it names itself in a way that this does not know
 */
export function rename(text: string, { name, subject, port, database, envPrefix, databaseVariable }: Plan): string {
  const forms: Record<string, string> = {
    'template-api': name,
    template_api: database,
    TEMPLATE_API: envPrefix,
    TEMPLATE_DATABASE_URL: databaseVariable,
    // Operations and metrics.
    template_: `${subject.replaceAll('-', '_')}_`,
    '/template/': `/${subject}/`,
    '8190': String(port),
  }
  const known = new RegExp(Object.keys(forms).sort(longestFirst).join('|'), 'g')
  const left = /.*template.*/i.exec(text.replaceAll(known, ''))
  if (left) throw new Error(`The template names itself in a way that is not renamed: ${left[0].trim()}`)
  return text.replaceAll(known, (form) => forms[form]!)
}

const longestFirst = (one: string, other: string) => other.length - one.length

/** The requirements that the template's tests cite are the template's. */
const uncited = (text: string) => text.replaceAll(/ \[[HTP]-\d+(?: [HTP]-\d+)*\]/g, '')
