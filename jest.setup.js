export default async () => {
  const { startTestPostgres } = await import('./packages/testkit/src/postgres-global.ts')
  await startTestPostgres()
}
