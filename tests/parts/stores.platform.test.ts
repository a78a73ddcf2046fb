import { createHash } from 'node:crypto'
import { globSync } from 'node:fs'
import { resolve } from 'node:path'
import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createRateLimiter, type RateLimiter } from '@jan/service-kit/rate-limit'
import { connectRedis } from '@jan/service-kit/redis'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { fromPart } from '@jan/testkit/real-part'
import { until } from '@jan/testkit/until'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { startDocumentService } from './document-service.ts'

// Databases of this suite are made on the part instead of the run's own PostgreSQL.
process.env.JAN_TEST_POSTGRES = fromPart('JAN_TEST_STORES_POSTGRES_URL')
const valkeyUrl = fromPart('JAN_TEST_STORES_VALKEY_URL')

describe('PostgreSQL 18', () => {
  const services = globSync('services/*/prisma/migrations', { cwd: resolve(import.meta.dirname, '../..') })
    .map((folder) => folder.split('/')[1]!)
    .sort()

  test('there are services with migrations', () => expect(services.length).toBeGreaterThan(2))

  test.each(services)('takes every migration of %s', async (service) => {
    const database = await createTestDatabase({ service })
    const failed = await database.query(
      'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL OR rolled_back_at IS NOT NULL',
    )
    expect(failed).toEqual([])
    await database.drop()
  })

  describe('has', () => {
    let database: TestDatabase
    beforeAll(async () => {
      database = await createTestDatabase()
    })
    afterAll(() => database.drop())

    test('the version that is promised', async () => {
      const [row] = await database.query('SHOW server_version')
      expect(row).toEqual({ server_version: expect.stringMatching(/^18\./) })
    })

    test('pgvector, with an index that finds the nearest', async () => {
      await database.query('CREATE EXTENSION vector')
      await database.query('CREATE TABLE item (id int, embedding vector(3))')
      await database.query(`INSERT INTO item VALUES (1, '[1,0,0]'), (2, '[0,1,0]'), (3, '[0.9,0.1,0]')`)
      await database.query('CREATE INDEX ON item USING hnsw (embedding vector_cosine_ops)')
      const rows = await database.query(`SELECT id FROM item ORDER BY embedding <=> '[1,0,0]' LIMIT 2`)
      expect(rows).toEqual([{ id: 1 }, { id: 3 }])
    })

    test('the extensions that come with it', async () => {
      for (const name of ['pg_trgm', 'pgcrypto']) await database.query(`CREATE EXTENSION ${name}`)
      expect(await database.query(`SELECT similarity('keyword', 'keywords') > 0.5 AS is_close`)).toEqual([
        { is_close: true },
      ])
    })
  })
})

describe('documents with vectors', () => {
  const questions = ['Which buoy floats in the harbour near 41?', 'buoy 10', 'harbour 80']
  /** What no word of a document says: only vectors find it. */
  const wordless = 'Lanterns, 41'

  /** What a service over this database finds among thirty documents, and what became of pgvector there. */
  async function searchOver(databaseUrl: string, database: TestDatabase) {
    await using service = await startDocumentService(databaseUrl)
    for (let number = 0; number < 90; number += 3)
      await service.index(`${number}`, `Buoy ${number} floats in the harbour.`)
    const found = []
    for (const question of questions) found.push(await service.query(question))
    const byMeaning = (await service.query(wordless)).hits.map(({ id }) => id)
    const installed = await database.query("SELECT extname FROM pg_extension WHERE extname = 'vector'")
    return { found, byMeaning, installed }
  }

  test('are ranked alike with pgvector and by a role that may not install it [B-023]', async () => {
    const database = await createTestDatabase({ service: 'mcp-tools' })
    const withIt = await searchOver(database.url, database)
    await database.drop()

    const other = await createTestDatabase({ service: 'mcp-tools' })
    const login = Object.assign(new URL(other.url), { username: 'plain', password: 'plain' })
    await other.query("CREATE ROLE plain LOGIN PASSWORD 'plain' IN ROLE pg_read_all_data, pg_write_all_data")
    const without = await searchOver(login.href, other)
    await other.drop()

    expect([withIt.installed, without.installed]).toEqual([[{ extname: 'vector' }], []])
    expect(withIt.found).toEqual(without.found)
    for (const { ranking, hits } of withIt.found) expect([ranking, hits.length]).toEqual(['text_and_vectors', 20])
    expect(withIt.found[0]!.hits[0]!.id).toBe('42')
    // Without it only those are compared that were found by their words.
    expect(withIt.byMeaning.slice(0, 4)).toEqual(['42', '39', '45', '36'])
    expect(without.byMeaning).toEqual([])
  })
})

describe('Valkey', () => {
  const closers = new Closers()
  const connect = () => connectRedis(valkeyUrl, silentLogger, closers)
  const judge = new Redis(valkeyUrl)
  afterAll(async () => {
    await closers.close(silentLogger)
    await judge.quit()
  })

  test('answers ioredis, and refuses who has no password', async () => {
    expect(await judge.ping()).toBe('PONG')
    const stranger = new Redis(Object.assign(new URL(valkeyUrl), { password: '' }).toString(), { lazyConnect: true })
    stranger.on('error', () => undefined)
    await expect(stranger.ping()).rejects.toThrow('NOAUTH')
    stranger.disconnect()
  })

  test('runs a script by its hash, as the limiter counts', async () => {
    const script = `redis.call('set', KEYS[1], 0, 'EX', ARGV[2], 'NX')
      local n = redis.call('incrby', KEYS[1], ARGV[1])
      return {n, redis.call('pttl', KEYS[1])}`
    await judge.script('LOAD', script)
    const hash = createHash('sha1').update(script).digest('hex')
    await judge.del('counted')
    expect(await judge.evalsha(hash, 1, 'counted', 3, 10)).toEqual([3, expect.any(Number)])
    expect(await judge.evalsha(hash, 1, 'counted', 4, 10)).toEqual([7, expect.any(Number)])
  })

  describe('as what two replicas share', () => {
    const limiters: RateLimiter[] = []
    afterEach(() => Promise.all(limiters.splice(0).map((limiter) => limiter.close())))

    /** Two replicas, each on a connection of its own. */
    async function openReplicas(points: number) {
      const limit = { name: `limit-${Math.random()}`, points, seconds: 60, log: silentLogger }
      const connections = [connect(), connect()]
      await Promise.all(connections.map((redis) => new Promise((done) => redis.once('ready', done))))
      const [one, other] = connections.map((redis) => createRateLimiter({ ...limit, redis }))
      limiters.push(one!, other!)
      return [one!, other!] as const
    }
    /** What a replica believes is left: too much is asked for, so nothing is counted. */
    const left = (replica: RateLimiter, principal: string) => replica.take(principal, 1_000).remaining

    /** A steady load of 5 per replica and 20 ms. @returns how many each let through */
    async function load(replicas: readonly RateLimiter[], principal: string, isOver: (refused: number) => boolean) {
      const allowed = replicas.map(() => 0)
      let refused = 0
      await until(() => {
        for (const [index, replica] of replicas.entries())
          for (let i = 0; i < 5; i += 1)
            if (replica.take(principal).allowed) allowed[index]! += 1
            else refused += 1
        return isOver(refused)
      })
      return allowed
    }

    test('one limit holds for both, passed by one interval at most [T-01]', async () => {
      const replicas = await openReplicas(100)
      const [one, other] = await load(replicas, 'ann', (refused) => refused > 200)
      expect(one! + other!).toBeGreaterThanOrEqual(100)
      // An interval is 100 ms: five rounds of 10, and one that was under way.
      expect(one! + other!).toBeLessThanOrEqual(160)
    })

    test('while it is silent each replica limits alone and at once; then they share again [T-02 T-03]', async () => {
      const replicas = await openReplicas(10)
      await judge.client('PAUSE', 1_500, 'ALL')
      const began = performance.now()
      expect(await load(replicas, 'bob', () => performance.now() - began > 500)).toEqual([10, 10])
      // Answered when the pause is over.
      await judge.ping()
      replicas[0].take('eve', 4)
      replicas[1].take('eve', 1)
      // Whoever settles last hears of both.
      await until(() => replicas.some((replica) => left(replica, 'eve') === 5))
    })
  })
})
