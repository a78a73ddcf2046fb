/** Where the bytes of a slot arrive: whoever holds its URL may write there, so nothing is served from there. */
export const arrivalKey = (id: string): string => `incoming/${id}`

/** Where they lie while they are judged, and from then on. */
export const judgedKey = (id: string): string => `media/${id}-slot`

/** The slot that a key belongs to, if it is one of these. */
export const slotOf = (key: string): string | undefined =>
  /^(?:incoming\/(\w+)|media\/(\w+)-slot)$/.exec(key)?.slice(1).find(Boolean)
