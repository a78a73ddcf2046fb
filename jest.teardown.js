export default async () => {
  const { stopTestPostgres } = await import('./packages/testkit/src/postgres-global.ts')
  await stopTestPostgres()
}
