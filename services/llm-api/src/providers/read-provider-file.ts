import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Secret } from '@jan/service-kit/config'
import { parse, YAMLParseError } from 'yaml'
import { pricesToLines } from '../models/prices.ts'
import { expandVariables } from './expand-variables.ts'
import { kindOf } from './kinds.ts'
import { type ConfiguredModel, type OperatorProvider, operatorId } from './operator-provider.ts'
import { type FileModel, type FileProvider, ProviderFile } from './provider-file.schema.ts'

export type FileChoice = { file: string; set: string }
type Variables = Readonly<Record<string, string | undefined>>

/** Read beside a service that is started in its own folder, too. */
const ROOT = resolve(import.meta.dirname, '../../../..')

/** The providers of one set of the file. `problems` is all that is wrong with it; values are left out, they may be secrets. */
export function readProviderFile(
  { file, set }: FileChoice,
  variables: Variables,
): { providers: OperatorProvider[]; problems: string[] } {
  const wrong = (...lines: string[]) => ({ providers: [], problems: lines.map((line) => `${file}: ${line}`) })
  const found = textOf(file)
  if (found === undefined) return wrong('cannot be read (JAN_PROVIDER_CONFIGS_FILE)')
  let document: unknown
  try {
    document = parse(found)
  } catch (error) {
    return wrong(error instanceof YAMLParseError ? error.message.split('\n')[0]! : 'is no YAML')
  }
  const read = ProviderFile.safeParse(expandVariables(document, variables))
  if (!read.success) return wrong(...read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`))
  const entries = read.data.providers[set] ?? []
  if (entries.length === 0) return wrong(`has no provider in the set '${set}' (JAN_PROVIDER_CONFIG_SET)`)
  const providers = entries.map((entry) => providerOf(set, entry))
  const twice = providers.filter(({ id }, index) => providers.findIndex((each) => each.id === id) < index)
  if (twice.length > 0) return wrong(...twice.map(({ name }) => `two providers are named '${name}'`))
  return { providers, problems: [] }
}

function textOf(file: string): string | undefined {
  for (const path of [resolve(file), resolve(ROOT, file)])
    try {
      return readFileSync(path, 'utf8')
    } catch {}
  return undefined
}

function providerOf(set: string, entry: FileProvider): OperatorProvider {
  const type = (entry.type ?? entry.vendor)!
  const name = entry.name ?? `${type.toUpperCase()} Provider`
  const key = entry.api_key ?? entry.key
  const filled = Object.entries(entry.metadata).filter(([, value]) => value.trim() !== '')
  return {
    id: operatorId(`file ${set} ${name}`),
    source: 'file',
    name,
    kind: kindOf(type),
    baseUrl: (entry.url ?? entry.base_url)!,
    apiKey: key?.trim() ? new Secret(key) : undefined,
    active: entry.active,
    metadata: { ...Object.fromEntries(filled), ...(entry.description ? { description: entry.description } : {}) },
    enablesNew: entry.auto_enable_new_models,
    syncs: entry.sync_models,
    weight: entry.weight,
    timeouts: given({
      connectTimeoutMs: entry.connect_timeout,
      headTimeoutMs: entry.head_timeout,
      idleTimeoutMs: entry.idle_timeout,
    }),
    models: entry.models.map(modelOf),
  }
}

const modelOf = (entry: FileModel): ConfiguredModel => ({
  modelId: entry.id,
  publicId: entry.public_id,
  model: given({
    displayName: entry.display_name,
    prices: entry.prices && pricesToLines(given(entry.prices)),
    contextLength: entry.context_length,
    maxCompletionTokens: entry.max_completion_tokens,
    supportsImages: entry.supports_images,
    supportsFiles: entry.supports_files,
    weight: entry.weight,
  }),
  catalog: given({
    aliases: entry.aliases.length > 0 ? entry.aliases : undefined,
    displayOrder: entry.display_order,
    longer: entry.longer,
  }),
})

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>
