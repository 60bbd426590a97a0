/**
 * Several copies of the plugin in one process: by `import` and by `require`, or because two were installed.
 */

import { defineBulk } from '@bulkcall/graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import { describe, expect, it, vi } from 'vitest'

import { release } from '../../graphql/src/release.ts'
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

/** Loaders of a version that keeps nothing where this one looks for it. */
const later = { [Symbol.for('bulkcall:release')]: '0.9.0' }

describe('S240 what is of another copy is refused with the versions of both', () => {
  const hint = `(these are of @bulkcall/graphql 0.9.0, this is ${release})`

  it.each([
    ['bulk', (bulk: object) => ({ bulk })],
    ['another name', (bulk: object) => ({ loaders: bulk, [Symbol.for('bulkcall:bulk')]: bulk })],
  ])('by a bulkResolver, where the loaders have the name %s', async (_, contextOf) => {
    const { bulkResolver } = await copy()
    const resolve = bulkResolver((calls: { source: number }[]) => calls.map(({ source }) => source))
    const call = (): unknown => resolve(1, {}, contextOf(later), {} as never)
    expect(call).toThrow(
      'the context of a bulkResolver must be one with the loaders of useBulk or defineBulk, got',
    )
    expect(call).toThrow(hint)
  })

  it('by a context that has them already', () => {
    const { extendContext } = defineBulk({})
    expect(() => extendContext({ bulk: later })).toThrow(hint)
    expect(() => extendContext({ bulk: {} })).toThrow("rename one of the two: { as: 'loaders' }")
  })

  it('by a context with loaders of a real second copy', async () => {
    const { bulk } = defineBulk({}).extendContext()
    vi.resetModules()
    const other = await import('@bulkcall/graphql')
    expect(() => other.defineBulk({}).extendContext({ bulk })).toThrow(hint.replace('0.9.0', release))
  })
})
