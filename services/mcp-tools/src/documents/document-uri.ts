export const DOCUMENT_PREFIX = 'jan://documents/'

/** Where MCP clients read a document. */
export const documentUri = (id: string): string => DOCUMENT_PREFIX + encodeURIComponent(id.toWellFormed())
