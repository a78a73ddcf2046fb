/** A person, or one for whom a run is at work, which searches what they named. */
export const personOrRun = { auth: 'person', scope: 'mcp', scopeVia: { 'response-api': ['responses'] } } as const
