import type { Caller } from '@jan/service-kit/auth'

/** Whether mcp-tools, which runs programs, is here for the person whose program it is. Only its internal token says so: no header, key or claim of a person does. */
export const actsForProgram = (caller: Caller): boolean => caller.kind !== 'service' && caller.via === 'mcp-tools'
