import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { placeOf } from './cache.ts'
import { goModule, goProgram } from './go.ts'
import type { Ingredient, Part } from './part.ts'

export const KUBERNETES = '1.36.3'

const LINT = 'helm.sh/helm/v3/pkg/lint/rules'
const CAPABILITIES = 'helm.sh/helm/v3/pkg/chartutil'
const MINOR = KUBERNETES.split('.')[1]!

export const helmProgram = goProgram({
  module: 'helm.sh/helm/v3',
  version: 'v3.22.0',
  path: 'cmd/helm',
  minutes: 3,
  // Unless told, a Helm made from its module believes in Kubernetes 1.20 and renders nothing for charts that want more.
  set: {
    [`${CAPABILITIES}.k8sVersionMajor`]: '1',
    [`${CAPABILITIES}.k8sVersionMinor`]: MINOR,
    [`${LINT}.k8sVersionMajor`]: '1',
    [`${LINT}.k8sVersionMinor`]: MINOR,
  },
})

export const kubectlValidate = goProgram({
  module: 'sigs.k8s.io/kubectl-validate',
  version: 'v0.0.4',
  minutes: 4,
})

/** `apis__apps__v1_openapi.json` of the published sources becomes `apis/apps/v1.json`, which the validator reads. */
export const kubernetesSchemas: Ingredient = {
  name: `kubernetes-schemas-${KUBERNETES}`,
  minutes: 0.5,
  make: async (bench, into) => {
    const from = join(await goModule(bench, 'k8s.io/kubernetes', `v${KUBERNETES}`), 'api/openapi-spec/v3')
    for (const file of readdirSync(from)) {
      const group = /^(api__v1|apis__.+__.+)_openapi\.json$/.exec(file)?.[1]
      if (!group) continue
      const to = join(into, `${group.replaceAll('__', '/')}.json`)
      mkdirSync(dirname(to), { recursive: true })
      copyFileSync(join(from, file), to)
    }
  },
}

/** Tools that judge a chart without a cluster and without a network. */
export const helm: Part = {
  name: 'helm',
  needs: [helmProgram, kubectlValidate, kubernetesSchemas],
  minutes: 0.5,
  suite: 'tests/parts/helm.platform.test.ts',
  start: async (bench) => ({
    JAN_TEST_HELM: join(placeOf(bench, helmProgram), 'helm'),
    JAN_TEST_KUBECTL_VALIDATE: join(placeOf(bench, kubectlValidate), 'kubectl-validate'),
    JAN_TEST_KUBERNETES_SCHEMAS: placeOf(bench, kubernetesSchemas),
  }),
}
