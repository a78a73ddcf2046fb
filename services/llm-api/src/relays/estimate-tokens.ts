/** A token is four characters, when nobody says better. */
export const CHARACTERS_PER_TOKEN = 4

/** Tokens of what is asked, for a call whose usage nobody told. Images and sounds cost nothing here: their bytes would outweigh every text. */
export function estimatePrompt(json: Record<string, unknown>): number {
  const asked = [json.messages ?? json.prompt ?? json.input, json.tools]
  return Math.ceil(JSON.stringify(asked, withoutData).length / CHARACTERS_PER_TOKEN)
}

const withoutData = (key: string, value: unknown) =>
  key === 'image_url' || key === 'input_audio' || key === 'file' ? undefined : value
