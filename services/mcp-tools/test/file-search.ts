import { call, type TestService } from './start.ts'

/** What a tool answered, or why it did not. */
// biome-ignore lint/suspicious/noExplicitAny: what the tools answer is what is tested
export type Told = { error?: string; [field: string]: any }

type Result = { isError?: boolean; content: { text: string }[]; structuredContent?: Told }

/** Calls tools as one person: the structured answer, or the text of what went wrong. */
export function toolsFor(service: Pick<TestService, 'post'>, authorization: string) {
  return async (name: string, args: unknown): Promise<Told> => {
    const response = await service.post(call(name, args), { authorization })
    const { result } = (await response.json()) as { result: Result }
    return result.isError ? { error: result.content[0]!.text } : result.structuredContent!
  }
}

export const idsOf = ({ results }: Told): string[] =>
  results.map(({ document_id }: { document_id: string }) => document_id)
