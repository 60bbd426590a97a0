/**
 * The simulation of docs/scaling.md runs, on a small system.
 */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { beforeAll, describe, expect, it } from 'vitest'

describe('the simulation', () => {
  let first: string

  beforeAll(() => {
    first = run()
  })

  it('gives the same numbers in each run', () => {
    expect(run()).toBe(first)
  })

  it('sends fewer commands where bulks are shared, for the same requests', () => {
    const rows = rowsOf(first, '10 instances')
    const own = rows.get('for each request; 6,000/s')!
    const shared = rows.get('shared, by instance; 6,000/s')!

    expect(own['commands/s']).toBeGreaterThan(own['answered/s']! * 1.9)
    expect(shared['commands/s']).toBeLessThan(own['commands/s']! * 0.75)
    expect(shared['answered/s']).toBeGreaterThan(own['answered/s']! * 0.95)
  })

  it('asks the database for fewer keys where answers are kept', () => {
    const rows = rowsOf(first, '10 instances')
    const plain = rows.get('shared, by cluster; 6,000/s')!
    const cached = rows.get('shared, by cluster, cache; 6,000/s')!

    expect(cached['keys/s']).toBeLessThan(plain['keys/s']! * 0.8)
    expect(plain['Redis/s']).toBeGreaterThan(0)
  })

  it('fails requests where commands fail, and no others', () => {
    const calm = rowsOf(first, '10 instances')
    const failing = rowsOf(first, '10 instances, 1,000 requests/s; 2 % of the commands fail')

    expect([...calm.values()].map(row => row['failed'])).toEqual([0, 0, 0, 0, 0])
    expect(failing.get('for each request')!['failed']).toBeGreaterThan(0)
  })

  it('loses no request', () => {
    expect(first).toMatch(/^Of [\d,]+ requests, 0 were left without an answer\.$/m)
  })
})

/** What it prints. */
function run(): string {
  const { NODE_OPTIONS: _options, ...env } = process.env
  const args = ['--conditions=@bulkcall/source', '--import', 'tsx', 'bench/scaling/main.ts', '--quick']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: join(import.meta.dirname, '..'),
    env,
    encoding: 'utf8',
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

/** The table below this title: its numbers, by row and column. */
function rowsOf(printed: string, title: string): Map<string, Record<string, number>> {
  const [, text] = printed.split(`\n${title}\n\n`)
  const [head, ...lines] = text!
    .slice(0, `${text!}\n\n`.indexOf('\n\n'))
    .split('\n')
    .map(line => line.trim().split(/ {2,}/))
  return new Map(
    lines.map(([name, ...cells]) => [
      name!,
      Object.fromEntries(cells.map((cell, place) => [head![place], number(cell)])),
    ]),
  )
}

function number(cell: string): number {
  return Number(cell.replaceAll(/[,% ]/g, ''))
}
