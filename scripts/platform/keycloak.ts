import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { requireCommands, run } from './command.ts'
import { type Bench, CannotBeHad, type Ingredient, type Part } from './part.ts'
import { serve } from './server.ts'

const VERSION = '26.7.3'
const REALM = resolve(import.meta.dirname, '../../keycloak/import/realm-jan.json')
const START = resolve(import.meta.dirname, '../../keycloak/start.sh')
const THEME = resolve(import.meta.dirname, '../../keycloak/themes/jan')
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

/** Keycloak, built once for its database in memory so that each start is quick. */
const distribution: Ingredient = {
  name: `keycloak-${VERSION}-dev-mem`,
  minutes: 2,
  make: async (bench, into) => {
    // An empty folder: Maven reads a pom.xml of the current one, and leaves marks that make a second unpacking do nothing.
    const cwd = join(bench.work, 'maven')
    mkdirSync(cwd)
    const artifact = `org.keycloak:keycloak-quarkus-dist:${VERSION}:tar.gz`
    await run(
      bench,
      'mvn',
      ['-B', '-q', '-ntp', `${PLUGIN}:unpack`, `-Dartifact=${artifact}`, `-DoutputDirectory=${cwd}`],
      { label: 'keycloak-download', cwd, isFetch: true },
    )
    cpSync(join(cwd, `keycloak-${VERSION}`), into, { recursive: true })
    await run(bench, 'sh', [join(into, 'bin/kc.sh'), 'build', '--db=dev-mem', '--cache=local'], {
      label: 'keycloak-build',
    })
  },
}

export const keycloak: Part = {
  name: 'keycloak',
  needs: [distribution],
  minutes: 1,
  suite: 'tests/parts/keycloak.platform.test.ts',
  check: () => {
    requireCommands('java', 'mvn')
    // It tells its version on stderr.
    const version = Number(/"(\d+)/.exec(spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr)?.[1])
    if (!(version >= 17)) throw new CannotBeHad(`Keycloak ${VERSION} needs Java 17; this is ${version}`)
  },
  start: async (bench) => {
    const url = `http://127.0.0.1:${await freePort()}`
    const clientSecret = randomBytes(24).toString('hex')
    await startKeycloak(bench, url, clientSecret)
    return { JAN_TEST_KEYCLOAK_URL: url, JAN_TEST_KEYCLOAK_CLIENT_SECRET: clientSecret }
  },
}

async function startKeycloak(bench: Bench, url: string, clientSecret: string): Promise<void> {
  // It writes into its home.
  const home = join(bench.work, 'keycloak')
  cpSync(placeOf(bench, distribution), home, { recursive: true, verbatimSymlinks: true })
  mkdirSync(join(home, 'data/import'), { recursive: true })
  copyFileSync(REALM, join(home, 'data/import/jan-realm.json'))
  cpSync(THEME, join(home, 'themes/jan'), { recursive: true })
  const { hostname, port } = new URL(url)
  await serve(bench, {
    label: 'keycloak',
    command: 'sh',
    args: [
      ...[START, '--optimized'],
      ...['--http-enabled=true', `--http-host=${hostname}`, `--http-port=${port}`, `--hostname=${url}`],
    ],
    env: {
      KEYCLOAK_HOME: home,
      JAN_BACKEND_CLIENT_SECRET: clientSecret,
      // Replaces kc.sh's own, which choose another collector: half the CPU and half the memory of a start.
      JAVA_OPTS: '-Xms64m -Xmx512m -XX:MaxMetaspaceSize=256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1',
    },
    ready: { url: `${url}/realms/jan/.well-known/openid-configuration` },
  })
}
