import { describeKind } from './kinds.ts'

/** What models of a provider take, as long as nothing else is known of one of them. */
export type Capabilities = { takesImages: boolean; takesFiles: boolean; reachesUs: boolean }

type Stated = Partial<{ supported: unknown; url: unknown }>

/** Of its kind, and over it what its metadata says: `image_input` and `file_attachment`, each JSON or `true`, `1`, `false`, `0`. */
export function capabilitiesOf(kind: string, metadata: Readonly<Record<string, string>>): Capabilities {
  const { takesImages, takesFiles, reachesUs } = describeKind(kind)
  const [images, files] = [stated(metadata.image_input), stated(metadata.file_attachment)]
  const urls = [images?.url, files?.url].filter((url) => typeof url === 'boolean')
  return {
    takesImages: typeof images?.supported === 'boolean' ? images.supported : takesImages,
    takesFiles: typeof files?.supported === 'boolean' ? files.supported : takesFiles,
    reachesUs: urls.length > 0 ? urls.includes(true) : reachesUs,
  }
}

/** Metadata as it is shown: with what the kind says where nothing was said. */
export function metadataOf(kind: string, metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { takesImages, takesFiles, reachesUs } = describeKind(kind)
  const say = (supported: boolean) => JSON.stringify({ supported, url: supported && reachesUs, base64: supported })
  return { image_input: say(takesImages), file_attachment: say(takesFiles), ...metadata }
}

function stated(text: string | undefined): Stated | undefined {
  if (text === undefined) return undefined
  if (/^(true|1)$/i.test(text.trim())) return { supported: true }
  if (/^(false|0)$/i.test(text.trim())) return { supported: false }
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
