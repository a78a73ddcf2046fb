import type { Secret } from '@jan/service-kit/config'

/**
 * How a kind's models get their public names when their own do not say whose they are:
 * by `vendor`; by `vendor`, also in place of an owner whom nobody knows (`broker`); or by the family in the name.
 */
export type Naming = { rule: 'vendor' | 'broker'; vendor: string } | { rule: 'perplexity' | 'family' }

/** All that is particular to a kind of provider. Every kind speaks OpenAI's API. */
export type Kind = {
  /** What admins and the operator may call it, in lower case. */
  names: readonly string[]
  /** The header that carries its key; `Authorization: Bearer` without. */
  keyHeader?: string
  headers?: Readonly<Record<string, string>>
  naming: Naming
  /** Of its models, as long as nothing else is known of them. */
  takesImages: boolean
  takesFiles: boolean
  /** Fetches URLs that a request names. */
  reachesUs: boolean
}

const vendor = (name: string): Naming => ({ rule: 'vendor', vendor: name })
const broker = (name: string): Naming => ({ rule: 'broker', vendor: name })
const family: Naming = { rule: 'family' }

const cloud = { takesImages: true, takesFiles: false, reachesUs: true }
/** They take bytes, and fetch nothing. */
const bytesOnly = { takesImages: true, takesFiles: false, reachesUs: false }

export const KINDS = {
  jan: { names: ['jan'], naming: broker('jan'), ...cloud },
  openai: { names: ['openai'], naming: vendor('openai'), ...cloud, takesFiles: true },
  openrouter: { names: ['openrouter'], naming: broker('openrouter'), ...cloud, takesFiles: true },
  anthropic: {
    names: ['anthropic'],
    keyHeader: 'x-api-key',
    headers: { 'anthropic-version': '2023-06-01' },
    naming: vendor('anthropic'),
    ...cloud,
  },
  google: { names: ['google', 'gemini', 'googleai'], naming: vendor('google'), ...bytesOnly },
  mistral: { names: ['mistral'], naming: vendor('mistral'), ...cloud },
  groq: { names: ['groq'], naming: family, ...cloud },
  cohere: { names: ['cohere'], naming: vendor('cohere'), ...cloud },
  ollama: { names: ['ollama'], naming: family, ...bytesOnly },
  replicate: { names: ['replicate'], naming: broker('replicate'), ...cloud },
  azure_openai: {
    names: ['azure_openai', 'azure-openai'],
    keyHeader: 'api-key',
    naming: vendor('openai'),
    ...cloud,
  },
  aws_bedrock: { names: ['aws_bedrock', 'bedrock'], naming: family, ...bytesOnly },
  perplexity: { names: ['perplexity'], naming: { rule: 'perplexity' }, ...cloud },
  togetherai: { names: ['togetherai', 'together'], naming: broker('together'), ...cloud },
  huggingface: { names: ['huggingface'], naming: broker('huggingface'), ...cloud },
  vercel_ai: { names: ['vercel_ai', 'vercel', 'vercel-ai'], naming: broker('vercel'), ...cloud, takesFiles: true },
  deepinfra: { names: ['deepinfra'], naming: broker('deepinfra'), ...cloud },
  /** A model file beside this server. */
  local: { names: ['local'], naming: family, takesImages: false, takesFiles: false, reachesUs: false },
  custom: { names: ['custom'], naming: family, ...cloud },
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof KINDS

const byName = new Map(
  (Object.entries(KINDS) as [KindName, Kind][]).flatMap(([kind, { names }]) => names.map((name) => [name, kind])),
)

/** The kind that is meant; whatever is unknown (`vllm`, …) is `custom`. */
export const kindOf = (text: string): KindName => byName.get(text.trim().toLowerCase()) ?? 'custom'

/** A stored kind may be one of a newer release. */
export const describeKind = (kind: string): Kind => KINDS[kind as KindName] ?? KINDS.custom

/** Headers by which a provider of this kind knows us. A key that is blank, or the word `none`, is no key. */
export function headersOf(kind: string, apiKey: Secret | undefined): Record<string, string> {
  const { keyHeader, headers } = describeKind(kind)
  const key = apiKey?.reveal().trim() ?? ''
  if (key === '' || key.toLowerCase() === 'none') return { ...headers }
  return { ...headers, ...(keyHeader ? { [keyHeader]: key } : { authorization: `Bearer ${key}` }) }
}
