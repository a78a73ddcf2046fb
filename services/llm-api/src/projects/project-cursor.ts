import type { Project } from './project.store.ts'

/** A place in the order of projects: of the last change, then of ids. */
export type Position = Pick<Project, 'updatedAt' | 'id'>

export const PROJECT_ID = /^proj_[0-9a-z]{1,64}$/

/** It holds the place itself, so that it stays where it is when its project changes or goes. */
export const writeCursor = ({ updatedAt, id }: Position): string =>
  Buffer.from(`${updatedAt.getTime()} ${id}`).toString('base64url')

/** @returns undefined for what is no cursor of ours */
export function readCursor(cursor: string): Position | undefined {
  const [, time, id] = /^(\d{1,15}) (proj_[0-9a-z]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  return time === undefined || id === undefined ? undefined : { updatedAt: new Date(Number(time)), id }
}
