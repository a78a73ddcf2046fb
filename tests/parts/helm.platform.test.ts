import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { lintChart, renderChart, validate } from './chart-tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'jan-chart-'))
afterAll(() => rmSync(folder, { recursive: true }))

const chart = join(import.meta.dirname, 'chart')

/** The rendered chart with one text replaced, which must be there. */
function rendered(from = '', to = ''): string {
  const whole = renderChart(chart)
  expect(whole).toContain(from)
  const file = join(folder, 'rendered.yaml')
  writeFileSync(file, whole.replace(from, to))
  return file
}

test('a sound chart lints, renders for the Kubernetes that is promised, and is valid', () => {
  expect(lintChart(chart)).toMatchObject({ status: 0 })
  expect(renderChart(chart)).toContain('kind: PodDisruptionBudget')
  expect(validate(rendered())).toMatchObject({ status: 0 })
})

describe('is refused', () => {
  test.each([
    ['a misspelt field', 'minAvailable: 1', 'minAvailabel: 1', 'minAvailabel'],
    ['a wrong type', 'replicas: 2', 'replicas: two', 'replicas'],
    ['a missing required field', 'selector:\n    matchLabels: { app: example }\n  template', 'template', 'selector'],
  ])('%s', (_name, from, to, named) => {
    const { status, output } = validate(rendered(from, to))
    expect(status).not.toBe(0)
    expect(output).toContain(named)
  })
})

test('a chart renders for no Kubernetes older than it wants', () => {
  expect(() => renderChart(chart, '--kube-version', '1.28.0')).toThrow('incompatible')
})
