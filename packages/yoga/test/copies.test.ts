/**
 * Several copies of the plugin in one process: by `import` and by `require`, or because two were installed.
 */

import { createSchema, createYoga } from 'graphql-yoga'
import { expect, it, vi } from 'vitest'
import { dataOf } from './support/ask.ts'

type Plugin = typeof import('../src/index.ts')

async function copy(): Promise<Plugin> {
  vi.resetModules()
  return import('../src/index.ts')
}

it.each(['bulk', 'loaders'])(
  'S220 a bulkResolver of one copy works on a server of another, whose loaders are ctx.%s',
  async as => {
    const [one, other] = [await copy(), await copy()]
    expect(one.useBulk).not.toBe(other.useBulk)
    const bulks: number[] = []
    const yoga = createYoga({
      schema: createSchema({
        typeDefs: 'type Query { rows: [Row!]! } type Row { double: Int }',
        resolvers: {
          Query: { rows: () => [1, 2, 3] },
          Row: {
            double: one.bulkResolver((calls: { source: number }[]) => {
              bulks.push(calls.length)
              return calls.map(({ source }) => 2 * source)
            }),
          },
        },
      }),
      plugins: [other.useBulk({}, { as, concurrent: 1 })],
      logging: false,
    })

    expect(await dataOf(yoga, '{ rows { double } }')).toEqual({
      rows: [{ double: 2 }, { double: 4 }, { double: 6 }],
    })
    expect(bulks).toEqual([3])
  },
)
