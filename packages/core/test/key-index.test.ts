import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { KeyIndex } from '../src/key-index.ts'

interface Entry {
  readonly number: number
}

/** Keys of all makes, among them whole numbers that lie close together, here and there. */
const object = {}
const strange = fc.constantFrom<unknown>(
  -0,
  0.5,
  0.1 + 0.2 - 0.3,
  NaN,
  Infinity,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  '1',
  1n,
  object,
)
const key = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 10_000, max: 10_400 }) },
  { weight: 2, arbitrary: fc.integer({ min: -200, max: 900 }) },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 1, arbitrary: strange },
)
const step = fc.record({ do: fc.constantFrom('set', 'set', 'set', 'get', 'delete'), key })

describe('an index of keys', () => {
  it('S52 holds what a Map holds, whatever the keys', () => {
    const steps = fc.array(step, { minLength: 100, maxLength: 1_500 })
    fc.assert(
      fc.property(steps, some => {
        const index = new KeyIndex<unknown, Entry>()
        const map = new Map<unknown, Entry>()
        for (const [number, { do: what, key: at }] of some.entries()) {
          if (what === 'set') {
            index.set(at, { number })
            map.set(at, { number })
          } else if (what === 'delete') {
            index.delete(at)
            map.delete(at)
          }
          expect(index.get(at)).toEqual(map.get(at))
        }
        expect(new Map(index)).toEqual(map)
        for (const [at, entry] of map) expect(index.get(at)).toEqual(entry)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['one after the other', (i: number) => i],
    ['one before the other', (i: number) => -i],
    ['each tenth', (i: number) => i * 10],
    ['far out', (i: number) => 2 ** 35 + i],
    ['mixed with text', (i: number) => (i % 2 === 0 ? i : `text ${i}`)],
    ['too far apart for an array', (i: number) => i * 1_000],
    ['at the edges of what can be told apart', (i: number) => (i % 2 === 0 ? 2 ** 53 - i : -(2 ** 53) + i)],
  ])('S52 finds ten thousand keys, %s', (_, keyOf) => {
    const index = new KeyIndex<unknown, Entry>()
    for (let i = 0; i < 10_000; i++) {
      expect(index.get(keyOf(i))).toBe(undefined)
      index.set(keyOf(i), { number: i })
    }
    for (let i = 0; i < 10_000; i++) expect(index.get(keyOf(i))).toEqual({ number: i })
    expect([...index]).toHaveLength(10_000)
  })
  it('S52 does not take a fraction next to nothing for the whole number beside it', () => {
    const index = new KeyIndex<unknown, Entry>()
    for (let i = 0; i <= 64; i++) index.set(i, { number: i })
    expect(index.get(0.1 + 0.2 - 0.3)).toBe(undefined)
    expect(index.get(-0)).toEqual({ number: 0 })
  })

  it.each([10, 15, 16])('S52 takes no more time a key where there are more of them, %d apart', apart => {
    // Counted, not measured: it is by making the array anew that time goes.
    const made = vi.spyOn(Array.prototype, 'fill')
    const index = new KeyIndex<unknown, Entry>()
    for (let i = 0; i < 20_000; i++) index.set(i * apart, { number: i })
    const places = made.mock.results.reduce((sum, { value }) => sum + (value as unknown[]).length, 0)
    made.mockRestore()
    expect(places).toBeLessThan(64 * 20_000)
  })
})
