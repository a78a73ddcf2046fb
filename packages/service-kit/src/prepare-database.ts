import { join } from 'node:path'
import { prepareJobs } from './jobs.ts'
import { migrate } from './migrate.ts'

const OWN_MIGRATIONS = join(import.meta.dirname, '../migrations')

/** The schema of what the kit itself keeps in a service's database. */
export const KIT_SCHEMA = 'service_kit'

/**
 * Brings a service's database up to date: the kit's tables, those of its jobs, then the service's own.
 * @throws Error as `migrate` does
 */
export async function prepareDatabase(url: string, migrationsDirectory: string): Promise<void> {
  await migrate(url, OWN_MIGRATIONS, { schema: KIT_SCHEMA })
  await prepareJobs(url)
  await migrate(url, migrationsDirectory)
}
