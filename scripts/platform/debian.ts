import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireCommands, run } from './command.ts'
import { type Bench, CannotBeHad } from './part.ts'

export type DebianPackages = { suite: string; packages: string[]; into: string }

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Codename of the Debian this machine runs. @throws CannotBeHad elsewhere */
export function debianCodename(): string {
  requireCommands('apt-get', 'dpkg')
  const release = readFileSync('/etc/os-release', 'utf8')
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1]
  if (!/^ID=debian$/m.test(release) || !codename) throw new CannotBeHad('no Debian, whose packages it is unpacked from')
  return codename
}

/**
 * Unpacks packages, which may be of another suite than this machine's, into a folder; nothing is installed, and the
 * machine's own package lists stay as they are.
 */
export async function unpackDebian(bench: Bench, { suite, packages, into }: DebianPackages): Promise<void> {
  debianCodename()
  const state = join(bench.work, `apt-${suite}`)
  for (const folder of ['lists/partial', 'cache/archives/partial', 'packages'])
    mkdirSync(join(state, folder), { recursive: true })
  const cwd = join(state, 'packages')
  writeFileSync(join(state, 'status'), '')
  writeFileSync(join(state, 'sources.list'), `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`)
  const settings = {
    'Dir::Etc::SourceList': join(state, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': state,
    'Dir::State::Lists': join(state, 'lists'),
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': join(state, 'cache'),
    // The folder is ours alone, so the client's own sandbox user could not write there.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    // A mirror may hold a moving suite whose release file has run out.
    'Acquire::Check-Valid-Until': 'false',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  await run(bench, 'apt-get', [...options, 'update'], { label: `apt-update-${suite}`, cwd, isFetch: true })
  await run(bench, 'apt-get', [...options, 'download', ...packages], {
    label: `apt-${packages[0]}`,
    cwd,
    isFetch: true,
  })
  for (const file of readdirSync(cwd))
    await run(bench, 'dpkg', ['-x', join(cwd, file), into], { label: `unpack-${file.split('_')[0]}` })
}

/** The mirror this machine already uses. */
function mirror(): string {
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], {
    encoding: 'utf8',
  })
  const found = targets.split('\n').find((uri) => uri && !uri.includes('security'))
  if (!found) throw new CannotBeHad('no Debian mirror in the sources of apt')
  return found
}
