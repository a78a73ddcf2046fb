/** What is searched, without its text. */
export type Document = {
  /** Rises in the order of making, and stays when it is indexed again. */
  key: bigint
  workspaceId: string
  collectionId: string
  /** Chosen by whoever indexed it, one of its kind in its collection. */
  id: string
  title: string
  tags: string[]
  metadata: Record<string, unknown>
  /** A media id or a URL; null for a text that was sent. */
  source: string | null
  /** Of most of its words, as PostgreSQL calls it (`english`), or `simple`. */
  language: string
  /** `failed`: only its name is kept, and why. */
  status: 'completed' | 'failed'
  errorCode: string | null
  errorMessage: string | null
  /** Of its text in UTF-8. */
  bytes: number
  /** Of its text in UTF-16 units, as all offsets. */
  chars: number
  chunks: number
  chunkChars: number
  overlapChars: number
  /** Whose vectors its pieces have. */
  embeddingModel: string | null
  /** When the first of its name was indexed here. */
  createdAt: Date
  indexedAt: Date
}

/** A document that is to be kept; one of its name and collection is replaced. */
export type NewDocument = Omit<Document, 'key' | 'createdAt' | 'chunks'>

/** A piece of a text. Neighbours overlap. */
export type Chunk = { start: number; text: string }

/** A piece as it is kept: `words` is a tsvector, `embedding` of length 1. */
export type NewChunk = Chunk & { words: string; embedding: number[] | null }

/** Which documents are meant: those that fit all that is said. */
export type DocumentFilter = {
  collectionId?: string | undefined
  ids?: string[] | undefined
  /** All of them. */
  tags?: string[] | undefined
  /** Each of these values, of objects their own parts. */
  metadata?: Record<string, unknown> | undefined
  attributes?: AttributeFilter | undefined
  status?: Document['status'] | undefined
  /** Only what is in no expired collection. */
  unexpired?: boolean | undefined
}

type Attribute = string | number | boolean

/** OpenAI's filter over what a file is labelled with. */
export type AttributeFilter =
  | { type: 'and'; filters: AttributeFilter[] }
  | { type: 'or'; filters: AttributeFilter[] }
  | { type: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte'; key: string; value: Attribute }
  | { type: 'in' | 'nin'; key: string; value: Attribute[] }

/** A page in the order of making; one row more than `limit` says that there is more. */
export type DocumentPage = {
  limit: number
  order: 'asc' | 'desc'
  after?: bigint | undefined
  before?: bigint | undefined
}

/** A piece that fits a question; `score` is of 0 to 1. */
export type Hit = Chunk & { document: Document; score: number }

/** Whether it was just made: none of its name was there before. */
export const isNew = ({ createdAt, indexedAt }: Document): boolean => createdAt.getTime() === indexedAt.getTime()
