/** A token is four characters; a begun one counts. */
export const tokensIn = (characters: number): number => Math.ceil(characters / 4)

/** Tokens of a prompt, as it was sent: its messages, or its text, and its tools. Images cost nothing: their data would outweigh every text. */
export function countPrompt({ messages, prompt, tools }: { messages?: unknown; prompt?: unknown; tools?: unknown }) {
  const withoutImages = (key: string, value: unknown) => (key === 'image_url' ? undefined : value)
  return tokensIn(JSON.stringify([messages ?? prompt, tools], withoutImages).length)
}

/** OpenAI's `usage`; `characters` were written. */
export function presentUsage(promptTokens: number, characters: number) {
  const completion = tokensIn(characters)
  return { prompt_tokens: promptTokens, completion_tokens: completion, total_tokens: promptTokens + completion }
}

/** Words, the long ones in pieces; no character is cut in two. */
export const split = (text: string): string[] => text.match(/\s*\S{1,12}|\s+$/gu) ?? []
