/**
 * What an editor shows in a definition.
 */

import { expect, it } from 'vitest'
import { shownIn } from '../../../test/support/editor.ts'

it('S188 each setting of a definition shows what is said of it, and is proposed where one may be written', () => {
  const settings = {
    command: ['users', 'The batch function: returns one result for each key'],
    shared: ['true', 'Whether its bulks take keys of every operation'],
    size: ['5', 'The most keys in one bulk.'],
    delay: ['5', 'The longest that a key waits for others'],
    maxPending: ['5', 'How many keys of one operation may be pending'],
    timeout: ['5', 'How long a command may run'],
    cache: ['true', 'Whether answers are kept'],
    cacheErrors: ['false', 'Whether an Error that the command returned'],
    concurrent: ['2', 'How many bulks of this loader may be in flight'],
    name: ["'people'", 'The name in errors, events and metrics.'],
    nullKeys: ["'null'", 'What a load of `null` gives'],
    cacheKeyFn: ['String', 'Returns the same value for equal keys'],
    clone: ['structuredClone', 'Of a shared loader: copies an answer for each operation'],
  }
  const names = Object.keys(settings)
  const written = Object.entries(settings).map(([name, [value]]) => `/*?*/ ${name}: ${value}`)
  const calls = ['useBulk', 'useBulk<{ readonly tenant: string }>()'].map(
    useBulk => `${useBulk}({ users: { ${written.join(', ')} } })
      ${useBulk}({ users: { command: users, /*?*/ } })`,
  )
  const shown = shownIn(`import { useBulk } from '@bulkcall/yoga'
    declare const users: (ids: number[]) => Promise<{ readonly id: number }[]>
    ${calls.join('\n')}`)

  expect(shown).toHaveLength(2 * (names.length + 1))
  for (const from of [0, names.length + 1]) {
    Object.values(settings).forEach(([, said], i) => {
      expect(shown[from + i]!.documentation).toContain(said)
    })
    expect(new Set(shown[from + names.length]!.completions)).toEqual(new Set(names.slice(1)))
  }
})
