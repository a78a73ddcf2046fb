import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { debianCodename, unpackDebian } from './debian.ts'
import type { Ingredient, Part } from './part.ts'
import { serve } from './server.ts'

const packages: Ingredient = {
  name: 'prometheus-debian-sid',
  minutes: 0.5,
  make: (bench, into) => unpackDebian(bench, { suite: 'sid', packages: ['prometheus', 'promtool'], into }),
}

export const prometheus: Part = {
  name: 'prometheus',
  needs: [packages],
  minutes: 0.5,
  suite: 'tests/parts/prometheus.platform.test.ts',
  check: () => void debianCodename(),
  start: async (bench) => {
    const bin = join(placeOf(bench, packages), 'usr/bin')
    const targets = join(bench.work, 'targets.json')
    writeFileSync(targets, '[]')
    const service = { job_name: 'service', file_sd_configs: [{ files: [targets], refresh_interval: '1s' }] }
    const config = join(bench.work, 'prometheus.yml')
    // JSON is YAML.
    writeFileSync(config, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [service] }))
    const address = `127.0.0.1:${await freePort()}`
    await serve(bench, {
      label: 'prometheus',
      command: join(bin, 'prometheus'),
      args: [
        ...['--config.file', config, '--storage.tsdb.path', join(bench.work, 'prometheus')],
        ...['--web.listen-address', address],
      ],
      ready: { url: `http://${address}/-/ready` },
    })
    return {
      JAN_TEST_PROMETHEUS_URL: `http://${address}`,
      // What it scrapes: a suite writes the addresses of its services here.
      JAN_TEST_PROMETHEUS_TARGETS: targets,
      JAN_TEST_PROMTOOL: join(bin, 'promtool'),
    }
  },
}
