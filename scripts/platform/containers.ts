import { copyFileSync, cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { placeOf } from './cache.ts'
import { run } from './command.ts'
import { debianCodename, unpackDebian } from './debian.ts'
import { type Bench, CannotBeHad, type Ingredient, type Part } from './part.ts'
import { serve } from './server.ts'

/** Docker's engine and client. The runtime is of this machine's own Debian: a newer one wants newer libraries. */
const engine: Ingredient = {
  name: 'docker-debian-sid',
  minutes: 1,
  make: async (bench, into) => {
    await unpackDebian(bench, { suite: 'sid', packages: ['docker.io', 'docker-cli', 'containerd'], into })
    await unpackDebian(bench, { suite: debianCodename(), packages: ['runc'], into })
  },
}

/** What Node needs of a system, and busybox for a shell. */
const imageRoot: Ingredient = {
  name: 'image-root-debian',
  minutes: 0.5,
  make: (bench, into) =>
    unpackDebian(bench, {
      suite: debianCodename(),
      packages: ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6', 'busybox-static'],
      into,
    }),
}

const IMAGE = 'jan-node:24'

export const containers: Part = {
  name: 'containers',
  needs: [engine, imageRoot],
  minutes: 0.5,
  suite: 'tests/parts/containers.platform.test.ts',
  check: () => {
    if (process.getuid?.() !== 0) throw new CannotBeHad('a container engine needs root')
    debianCodename()
  },
  start: async (bench) => {
    const software = placeOf(bench, engine)
    const docker = join(software, 'usr/bin/docker')
    const host = `unix://${join(bench.work, 'docker.sock')}`
    await serve(bench, {
      label: 'dockerd',
      command: join(software, 'usr/sbin/dockerd'),
      args: [
        ...['--host', host, '--pidfile', join(bench.work, 'docker.pid')],
        ...['--data-root', join(bench.work, 'docker'), '--exec-root', join(bench.work, 'docker-exec')],
        // No network of its own, so that the rules of this machine's stay as they are.
        ...['--bridge=none', '--iptables=false', '--ip6tables=false'],
      ],
      env: { PATH: `${join(software, 'usr/bin')}:${join(software, 'usr/sbin')}:${process.env.PATH}` },
      ready: { says: 'API listen on' },
    })
    await importImage(bench, docker, host)
    return { JAN_TEST_DOCKER: docker, JAN_TEST_DOCKER_HOST: host, JAN_TEST_DOCKER_IMAGE: IMAGE }
  },
}

/** A base image with the Node that runs this, made of packages alone. */
async function importImage(bench: Bench, docker: string, host: string): Promise<void> {
  const root = join(bench.work, 'image')
  const archive = join(bench.work, 'image.tar')
  cpSync(placeOf(bench, imageRoot), root, { recursive: true, verbatimSymlinks: true })
  copyFileSync(process.execPath, join(root, 'usr/bin/node'))
  symlinkSync('busybox', join(root, 'bin/sh'))
  await run(bench, 'tar', ['-cf', archive, '-C', root, '.'], { label: 'image-pack' })
  await run(bench, docker, ['--host', host, 'import', archive, IMAGE], { label: 'image-import' })
}
