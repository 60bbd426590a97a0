/**
 * The servers, over HTTP: each has the bulks that GraphQL Yoga has with its plugin.
 */

import { onBulk, type BulkEvent } from '@bulkcall/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { apollo } from '../src/apollo.ts'
import { commands, type Commands, type Running, type Settings } from '../src/blog.ts'
import { mercurius } from '../src/mercurius.ts'
import { mercuriusSubgraph } from '../src/mercurius-subgraph.ts'
import { nest } from '../src/nest.ts'
import { subgraph } from '../src/subgraph.ts'
import { yoga } from '../src/yoga.ts'

/** A `delay`, in ms, that no slow machine outlasts. */
const patient = 250

const query =
  '{ posts { title author { name posts { title author { name } } } } user(id: 50) { posts { title } } }'

const servers = Object.entries({ apollo, mercurius, nest, subgraph })

interface Answer {
  readonly data?: any
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
}

let running: Running | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
  vi.restoreAllMocks()
})

async function serve(
  start: (settings: Settings) => Promise<Running>,
  settings: Partial<Settings> = {},
): Promise<{
  readonly asked: string[]
  ask(this: void, query: string, signal?: AbortSignal): Promise<Answer>
}> {
  const asked: string[] = []
  const { url } = (running = await start({
    commands: commands(statement => asked.push(statement)),
    delay: patient,
    ...settings,
  }))
  return {
    asked,
    async ask(source, signal) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: source }),
        ...(signal && { signal }),
      })
      return (await response.json()) as Answer
    },
  }
}

/** What the database is asked for the query by one server, in a run in which it is known what resolvers do. */
async function bulksOf(start: (settings: Settings) => Promise<Running>) {
  const { ask, asked } = await serve(start)
  for (let run = 0; run < 4; run++) await ask(query)
  asked.length = 0
  const events: BulkEvent[] = []
  const stop = onBulk({ started: event => void events.push(event) })
  const answer = await ask(query)
  stop()
  await running!.stop()
  running = undefined
  return { answer, asked: asked.map(sorted), causes: events.map(({ cause }) => cause) }
}

const sorted = (statement: string): string => statement.split(' ').toSorted().join(' ')

/** Notes the timers of ours that are set and not over, and how many were set. */
function timersOfOurs(): { readonly open: Set<unknown>; set: number } {
  const open = new Set<unknown>()
  const timers = { open, set: 0 }
  const { setTimeout: set, clearTimeout: clear } = globalThis
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ...rest: never[]) => {
    const timer = set(
      () => {
        open.delete(timer)
        work()
      },
      ...rest,
    )
    if (/packages.core/.test(new Error('who').stack!)) {
      open.add(timer)
      timers.set++
    }
    return timer
  }) as never)
  vi.spyOn(globalThis, 'clearTimeout').mockImplementation(timer => {
    open.delete(timer)
    clear(timer)
  })
  return timers
}

describe.each(servers)('%s', (_, start) => {
  it('S195 has the bulks of Yoga for nested fields with I/O before each load, and no window that waits for its delay', async () => {
    const expected = await bulksOf(yoga)
    const found = await bulksOf(start)

    expect(found.answer).toMatchObject({ data: expected.answer.data })
    expect(found.answer.errors).toBeUndefined()
    expect(found.asked).toEqual(expected.asked)
    expect(found.asked).toHaveLength(expected.causes.length)
    expect(found.causes).not.toContain('delay')
  })

  it('S195 leaves no timer when it has answered', async () => {
    const { ask } = await serve(start)
    const timers = timersOfOurs()
    for (let run = 0; run < 5; run++) {
      await ask(query)
      expect(timers.open.size).toBe(0)
    }
    expect(timers.set).toBeGreaterThan(0)
  })

  it('S195 has loaders of its own for each request', async () => {
    const { ask, asked } = await serve(start)
    await Promise.all([1, 2].map(() => ask('{ user(id: 1) { name } }')))

    expect(asked).toEqual(['users 1', 'users 1'])
  })

  it('S196 tells the code of an error of ours', async () => {
    const { ask } = await serve(start, { maxPending: 1 })
    const { errors } = await ask('{ a: user(id: 1) { name } b: user(id: 2) { name } }')

    expect(errors).toMatchObject([{ extensions: { code: 'BULK_OVERFLOW' } }])
  })

  it('S196 answers with what a command has thrown, and goes on', async () => {
    let isBroken = true
    const { users, ...others } = commands()
    const broken: Commands['users'] = async (keys, context) => {
      if (isBroken) throw new Error('no database')
      return users(keys, context)
    }
    const { ask } = await serve(start, { commands: { ...others, users: broken } })
    const { errors } = await ask('{ a: user(id: 1) { name } b: user(id: 2) { name } }')
    expect(errors!.map(({ message }) => message)).toEqual(['no database', 'no database'])

    isBroken = false
    expect(await ask('{ user(id: 1) { name } }')).toMatchObject({ data: { user: { name: 'user 1' } } })
  })

  it('S196 settles what a client has asked that went away', async () => {
    const { users, ...others } = commands()
    const settled: string[] = []
    let begun!: () => void
    const hasBegun = new Promise<void>(resolve => {
      begun = resolve
    })
    const slow: Commands['users'] = async (keys, context) => {
      begun()
      await new Promise(resolve => setTimeout(resolve, 50))
      settled.push(keys.join(' '))
      return users(keys, context)
    }
    const { ask } = await serve(start, { commands: { ...others, users: slow } })
    const client = new AbortController()
    const answer = ask('{ user(id: 1) { posts { author { name } } } }', client.signal)
    await hasBegun
    client.abort()

    await expect(answer).rejects.toThrow('abort')
    expect(await ask('{ user(id: 2) { name } }')).toMatchObject({ data: { user: { name: 'user 2' } } })
    expect(settled).toEqual(['1', '2'])
  })
})

describe.each(Object.entries({ subgraph, mercuriusSubgraph }))('%s', (_, start) => {
  it('S195 loads the entities of a request in bulk, more of them each time, and waits for no delay', async () => {
    const { ask, asked } = await serve(start)
    const causes: string[] = []
    const stop = onBulk({ started: ({ cause }) => void causes.push(cause) })
    for (let length = 2; length < 8; length++) {
      asked.length = 0
      const ids = Array.from({ length }, (__, id) => id)
      const representations = ids.map(id => `{ __typename: "User", id: ${id} }`).join(', ')
      const entities = `{ entities: _entities(representations: [${representations}]) { ... on User { name } } }`
      const { data } = await ask(entities)
      expect(data.entities).toEqual(ids.map(id => ({ name: `user ${id}` })))
      expect(asked.map(sorted)).toEqual([`${ids.join(' ')} users`])
    }
    stop()
    expect(causes.slice(-2)).toEqual(['quiet', 'quiet'])
  })
})
