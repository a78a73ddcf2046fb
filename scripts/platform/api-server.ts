import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { debianCodename, unpackDebian } from './debian.ts'
import { goModule, goProgram } from './go.ts'
import { helm, KUBERNETES } from './helm.ts'
import type { Bench, Ingredient, Part } from './part.ts'
import { serve } from './server.ts'

/** Kubernetes is published with its parts replaced by folders of its repository; their own releases stand in for them. */
async function publishedParts(bench: Bench): Promise<string> {
  const goMod = readFileSync(join(await goModule(bench, 'k8s.io/kubernetes', `v${KUBERNETES}`), 'go.mod'), 'utf8')
  const staged = [...goMod.matchAll(/^\s*(\S+) => \.\/staging\//gm)].map(([, module]) => module!)
  const replacements = staged.map((module) => `replace ${module} => ${module} v0.${KUBERNETES.slice(2)}\n`)
  return `${/^go .*$/m.exec(goMod)?.[0] ?? ''}\n\n${replacements.join('')}`
}

export const apiServerProgram = goProgram({
  module: 'k8s.io/kubernetes',
  version: `v${KUBERNETES}`,
  path: 'cmd/kube-apiserver',
  minutes: 7,
  goMod: publishedParts,
  // Without it the server calls itself v0.0.0.
  set: { 'k8s.io/component-base/version.gitVersion': `v${KUBERNETES}` },
})

const etcd: Ingredient = {
  name: 'etcd-debian-trixie',
  minutes: 0.5,
  make: (bench, into) => unpackDebian(bench, { suite: 'trixie', packages: ['etcd-server'], into }),
}

/** A Kubernetes API server without nodes: it judges objects as a cluster would, and runs none. */
export const apiServer: Part = {
  name: 'api-server',
  needs: [...helm.needs, etcd, apiServerProgram],
  minutes: 1,
  suite: 'tests/parts/api-server.platform.test.ts',
  check: () => void debianCodename(),
  start: async (bench) => ({ ...(await helm.start(bench)), ...(await startApiServer(bench, await startEtcd(bench))) }),
}

async function startEtcd(bench: Bench): Promise<string> {
  const url = async () => `http://127.0.0.1:${await freePort()}`
  const [clients, peers] = [await url(), await url()]
  await serve(bench, {
    label: 'etcd',
    command: join(placeOf(bench, etcd), 'usr/bin/etcd'),
    args: [
      ...['--data-dir', join(bench.work, 'etcd'), '--unsafe-no-fsync'],
      ...['--listen-client-urls', clients, '--advertise-client-urls', clients],
      ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`],
    ],
    ready: { url: `${clients}/health` },
  })
  return clients
}

async function startApiServer(bench: Bench, etcdUrl: string): Promise<Record<string, string>> {
  const token = randomBytes(16).toString('hex')
  const port = await freePort()
  const file = (name: string) => join(bench.work, name)
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  writeFileSync(file('service-account.key'), privateKey, { mode: 0o600 })
  writeFileSync(file('tokens.csv'), `${token},admin,1,"system:masters"\n`, { mode: 0o600 })
  await serve(bench, {
    label: 'kube-apiserver',
    command: join(placeOf(bench, apiServerProgram), 'kube-apiserver'),
    args: [
      ...[`--etcd-servers=${etcdUrl}`, '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1'],
      ...[`--secure-port=${port}`, `--cert-dir=${file('certificates')}`, `--token-auth-file=${file('tokens.csv')}`],
      ...['--service-account-issuer=https://kubernetes.default.svc', '--service-cluster-ip-range=10.96.0.0/16'],
      ...[`--service-account-key-file=${file('service-account.key')}`],
      ...[`--service-account-signing-key-file=${file('service-account.key')}`],
      ...['--authorization-mode=RBAC', '--disable-admission-plugins=ServiceAccount'],
    ],
    ready: { says: 'Serving securely' },
  })
  return {
    JAN_TEST_KUBERNETES_URL: `https://127.0.0.1:${port}`,
    JAN_TEST_KUBERNETES_TOKEN: token,
    JAN_TEST_KUBERNETES_CA: file('certificates/apiserver.crt'),
  }
}
