import { describeKind } from '../providers/kinds.ts'

const VENDORS = new Set(
  `openai anthropic gemini google mistral mistralai meta meta-llama cohere qwen qwen2 qwen2.5 qwen3 tii tiiuae
  databricks aws azure perplexity microsoft deepmind 01-ai zhipu`.split(/\s+/),
)

/** Other names of owners. */
const OWNERS: Readonly<Record<string, string>> = {
  'meta-llama': 'meta',
  deepmind: 'google',
  gemini: 'google',
  mistralai: 'mistral',
  qwen2: 'qwen',
  'qwen2.5': 'qwen',
  qwen3: 'qwen',
  tiiuae: 'tii',
}

/** The beginning of a name → who made models of that name. A letter after it makes another word of it. */
const FAMILIES: [RegExp, string][] = [
  [/^(code)?llama(?![a-z])/, 'meta'],
  [/^(code)?gemma(?![a-z])/, 'google'],
  [/^(mixtral|mistral|ministral|codestral)(?![a-z])/, 'mistral'],
  [/^qwen(?![a-z])/, 'qwen'],
  [/^phi(?![a-z])/, 'microsoft'],
  [/^yi(?![a-z])/, '01-ai'],
  [/^(chat)?glm(?![a-z])/, 'zhipu'],
  [/^gemini(?![a-z])/, 'google'],
  [/^google(?![a-z])/, 'google'],
]
const ANTHROPIC = /(^|[-_.])claude(?![a-z])/
const OPENAI = /(^|[-_.])(chat)?gpt(?![a-z]|\d+all)|^o[1-9](?![a-z0-9])/

/** In front of a model's name at AWS: where it runs. */
const REGION = /^(us|us-gov|eu|apac|ap|jp|au|ca|sa|global)\./

const slug = (text: string) =>
  text
    .trim()
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/\s+/g, '-')
    .replace(/[^a-z0-9\-.:/]/g, '')

const familyOf = (name: string): string | undefined => FAMILIES.find(([words]) => words.test(name))?.[1]

/**
 * What clients call a model of this kind of provider: `vendor/model` where the name or the kind says whose it is, else
 * the provider's own name as it stands.
 */
export function publicIdOf(kind: string, modelId: string): string {
  const id = modelId.trim()
  if (kind === 'aws_bedrock') return atBedrock(id)
  const bare = kind === 'google' ? id.replace(/^models\//, '') : id
  const colon = bare.indexOf(':')
  if (kind !== 'ollama' && colon > 0) {
    const [before, after] = [slug(bare.slice(0, colon)), slug(bare.slice(colon + 1))]
    // `qwen2:7b` is a model and its size, `openai:gpt-4o` an owner and a model.
    if (VENDORS.has(before) && after && (!familyOf(before) || familyOf(after))) return `${ownerOf(before)}/${after}`
  }
  const [owner = '', name] = splitAt(bare, '/')
  if (owner && name && !/\s/.test(owner.trim())) return owned(kind, slug(owner), dashed(name))
  return unowned(kind, bare)
}

const ownerOf = (owner: string) => OWNERS[owner] ?? owner
/** A tag becomes part of the name. */
const dashed = (name: string) => slug(name.replace(':', '-'))

function splitAt(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** A fine-tune stays its owner's: those of several owners would else be taken for one model. */
function owned(kind: string, owner: string, name: string): string {
  const { naming } = describeKind(kind)
  const isKnown = VENDORS.has(owner) || familyOf(name) !== undefined
  if (naming.rule === 'broker' && !isKnown) return `${naming.vendor}/${name}`
  return `${ownerOf(owner)}/${name}`
}

function unowned(kind: string, id: string): string {
  const { naming } = describeKind(kind)
  const name = dashed(id)
  if (naming.rule === 'perplexity' && /^pplx|sonar/.test(name)) return `perplexity/${name}`
  if ('vendor' in naming) return name ? `${naming.vendor}/${name}` : id
  const vendor = familyOf(name) ?? (ANTHROPIC.test(name) ? 'anthropic' : OPENAI.test(name) ? 'openai' : undefined)
  return vendor ? `${vendor}/${name}` : id
}

/** `us.anthropic.claude-3-haiku-v1:0` */
function atBedrock(id: string): string {
  const [base] = splitAt(id, ':')
  const [vendor = '', name] = splitAt(base.replace(REGION, ''), '.')
  return name ? `${ownerOf(slug(vendor))}/${slug(name)}` : unowned('aws_bedrock', base)
}

/**
 * Public ids of all that one provider lists: no two of its models are taken for one. Those that are `known` keep theirs.
 */
export function assignPublicIds(kind: string, ids: string[], known: ReadonlyMap<string, string>): Map<string, string> {
  const assigned = new Map(ids.flatMap((id) => (known.has(id) ? [[id, known.get(id)!]] : [])))
  const taken = new Set(known.values())
  for (const id of ids.filter((each) => !assigned.has(each)).sort()) {
    const [normal, ...others] = [publicIdOf(kind, id), slug(id), id]
    const free = [normal!, ...others].find((name) => name && !taken.has(name)) ?? nextOf(normal!, taken)
    taken.add(free)
    assigned.set(id, free)
  }
  return assigned
}

function nextOf(name: string, taken: ReadonlySet<string>): string {
  for (let nth = 2; ; nth++) if (!taken.has(`${name}-${nth}`)) return `${name}-${nth}`
}
