import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { attended } from '../src/client.ts'
import type { Operation } from '../src/operation.ts'

/** What an operation has heard, and how many listeners its request's signal has left. */
async function ran(run: () => unknown): Promise<{ heard: number; left: number }> {
  const { signal } = new AbortController()
  let heard = 0
  const operation = { abort: () => void heard++ } as unknown as Operation
  try {
    await attended(run, { request: { signal } as Request }, operation)()
  } catch {
    // To whoever called.
  }
  return { heard, left: getEventListeners(signal, 'abort').length }
}

async function* parts(): AsyncGenerator<number> {
  yield 1
}

describe('what is run for the client of a request', () => {
  it.each<[string, () => unknown]>([
    ['gives a result at once', () => ({ data: null })],
    ['gives a result later', async () => ({ data: null })],
    ['rejects', async () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
  ])('S40 leaves nothing on the signal of the request when it %s', async (_, run) => {
    expect(await ran(run)).toEqual({ heard: 0, left: 0 })
  })

  it('S37 hears of the client as long as its result comes in parts', async () => {
    expect(await ran(parts)).toEqual({ heard: 0, left: 1 })
  })
})
