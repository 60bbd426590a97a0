/** Figures of bench/results.md, read when the site is built: so the page says what was measured last. */

import { readFileSync } from 'node:fs'

export interface Work {
  readonly name: string
  /** By contender, the time where DataLoader's is 1. */
  readonly ratios: Readonly<Record<string, string>>
}

export declare const data: { readonly measured: string; readonly works: readonly Work[] }

const shown = [
  'a new loader, 1 unique key',
  'a new loader, 10 unique keys',
  'a new loader, 100 unique keys',
  '1,000 unique keys',
  '1,000 cache hits, no bulk open',
  'a request: 5 loaders × 10 keys',
  'Yoga: 100 rows with 20 authors',
  'Yoga: four levels, no I/O',
]

export default {
  watch: ['../../../bench/results.md'],
  load([file]: string[]): typeof data {
    const text = readFileSync(file!, 'utf8')
    const works: Work[] = []
    let ratios: Record<string, string> = {}
    for (const line of text.slice(text.indexOf('## All')).split('\n')) {
      const cells = line.split('|').map(cell => cell.trim())
      const name = /^\*\*(.+)\*\*/.exec(cells[1] ?? '')?.[1]
      if (name !== undefined) works.push({ name, ratios: (ratios = {}) })
      const ratio = /^[\d.,]+/.exec(cells[3] ?? '')?.[0]
      if (ratio !== undefined) ratios[cells[2]!] = ratio
    }
    const missing = shown.filter(name => !works.some(work => work.name === name))
    if (missing.length > 0) throw new Error(`bench/results.md has no ${missing.join(', ')}`)
    return {
      measured: /^Measured .*?(?= Written)/m.exec(text)![0],
      works: shown.map(name => works.find(work => work.name === name)!),
    }
  },
}
