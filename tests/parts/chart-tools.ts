import { spawnSync } from 'node:child_process'
import { fromPart } from '@jan/testkit/real-part'

export type Said = { status: number | null; output: string }

function say(command: string, args: string[]): Said {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

export const lintChart = (chart: string): Said => say(fromPart('JAN_TEST_HELM'), ['lint', '--strict', chart])

/** @throws Error with Helm's words */
export function renderChart(chart: string, ...flags: string[]): string {
  const { status, output } = say(fromPart('JAN_TEST_HELM'), ['template', 'example', chart, ...flags])
  if (status !== 0) throw new Error(output)
  return output
}

/** Judges rendered objects by the published schemas; asks no network. */
export const validate = (file: string): Said =>
  say(fromPart('JAN_TEST_KUBECTL_VALIDATE'), [
    // The newest version the tool knows by itself; the schemas given here win over its own.
    ...['--version', '1.30', '--local-schemas', fromPart('JAN_TEST_KUBERNETES_SCHEMAS')],
    file,
  ])
