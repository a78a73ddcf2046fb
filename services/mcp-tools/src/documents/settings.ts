export type DocumentSettings = {
  /** Longest text of a document, in UTF-16 units. */
  maxChars: number
  /** Whose vectors are compared; undefined: words alone are. */
  embeddingModel: string | undefined
}
