/**
 * What the server records and serves, over a real socket.
 */

import { gzipSync } from 'node:zlib'
import { useExecutionCancellation } from 'graphql-yoga'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { RecordedOperation, Recording } from '../src/index.ts'
import { listenTo, serve, type Serving, type ServingOptions } from './support/server.ts'

/** How long something may take on a machine that is busy. */
const patience = { timeout: 20_000 }

let serving: Serving | undefined

afterEach(async () => {
  vi.unstubAllEnvs()
  await serving?.close()
  serving = undefined
})

async function start(options?: ServingOptions): Promise<Serving> {
  return (serving = await serve(options))
}

async function recorded({ page }: Serving): Promise<readonly RecordedOperation[]> {
  const response = await fetch(page, { headers: { accept: 'application/json' } })
  return ((await response.json()) as Recording).operations
}

const feed =
  'query Feed { posts(first: 12) { id author { name org { name } } comments { author { name } } } }'

describe('a recording', () => {
  it('has the operations that load, with their bulks in order, who asked, and what limits them', async () => {
    const server = await start()
    await server.ask('{ number }')
    await server.ask(feed)
    const [operation, ...others] = await recorded(server)

    expect(others).toEqual([])
    expect(operation).toMatchObject({ id: expect.any(Number), name: 'Feed', kind: 'query', errors: 0 })
    expect(Math.abs(operation!.at + operation!.ms! - Date.now())).toBeLessThan(60_000)
    const authors = operation!.bulks.filter(bulk => bulk.loader === 'authors')
    expect(authors[0]).toMatchObject({
      size: 10,
      delay: 5,
      tasks: 10,
      cause: 'size',
      none: false,
      failed: 0,
      error: null,
      askers: [['Post.author', 10]],
    })
    expect(authors.reduce((sum, bulk) => sum + bulk.tasks, 0)).toBe(15)
    expect(new Set(operation!.limiters.map(limiter => limiter.slots))).toEqual(new Set([1, 2]))
    expect(authors[0]!.limiters).toEqual([operation!.limiters.find(limiter => limiter.slots === 2)!.id])
    for (const bulk of operation!.bulks) {
      const instants = [0, bulk.openedAt, bulk.readyAt, bulk.startedAt, bulk.settledAt, operation!.ms]
      expect(instants).toEqual(instants.toSorted((a, b) => a! - b!))
    }
    // 12 posts and 36 comments have 15 authors.
    expect(operation!.hits).toEqual(expect.arrayContaining([['authors', 33]]))
  })

  it('tells of each task after which bulk it came, and how long after', async () => {
    const server = await start()
    await server.ask(feed)
    const [{ bulks }] = (await recorded(server)) as [RecordedOperation]
    const posts = bulks.find(bulk => bulk.loader === 'posts')!
    const authors = bulks.find(bulk => bulk.loader === 'authors')!

    expect(posts.arrivals).toEqual([[null, expect.any(Number), 12]])
    for (const bulk of bulks) {
      expect(bulk.arrivals.reduce((sum, [, , tasks]) => sum + tasks, 0)).toBe(bulk.tasks)
      for (const [after, ms] of bulk.arrivals) {
        expect(ms).toBeGreaterThanOrEqual(0)
        expect([null, ...bulks.map(({ id }) => id)]).toContain(after)
      }
    }
    const [after, ms] = authors.arrivals[0]!
    // In the same turn, and so at the same instant.
    expect(bulks.find(bulk => bulk.loader === 'comments')!.arrivals).toEqual([[after, ms, 12]])
    expect(after).toBe(posts.id)
  })

  it('counts the errors of a result, and tells why a bulk has failed', async () => {
    const server = await start()
    const { errors } = await server.ask('query Bad { posts(first: 3) { broken { name } } }')
    const [operation] = await recorded(server)

    expect(errors).toHaveLength(3)
    expect(operation!.errors).toBe(3)
    expect(operation!.bulks.at(-1)).toMatchObject({
      loader: 'broken',
      failed: 3,
      error: 'Error: relation "<script>alert(1)</script>" does not exist',
    })
  })

  it.each([true, false])(
    'has each event of a subscription, whether the inspector is the first plugin (%s)',
    async first => {
      const server = await start({ first })
      const query = 'subscription Watch { touched { id author { name } } }'
      const events = await listenTo(`${server.address}/graphql?query=${encodeURIComponent(query)}`)
      for (let i = 0; i < 2; i++) {
        server.touch()
        expect((await events.next()).data.data.touched.author.name).toBe('author 1')
      }
      await vi.waitFor(async () => {
        const operations = await recorded(server)
        expect(operations.map(({ name, kind }) => [name, kind])).toEqual([
          ['Watch', 'subscription'],
          ['Watch', 'subscription'],
        ])
        for (const { bulks, ms } of operations) {
          expect(bulks.map(bulk => bulk.loader)).toEqual(['posts', 'authors'])
          expect(ms).toBeGreaterThanOrEqual(bulks[1]!.settledAt!)
          expect(bulks[0]!.openedAt).toBeCloseTo(0, 1)
        }
      }, patience)
      events.close()
    },
  )

  it.each([[[]], [[useExecutionCancellation()]]])(
    'has the end of an operation whose client has gone, cancelled or not',
    async plugins => {
      const server = await start({ plugins })
      server.shut()
      const leaves = new AbortController()
      const answer = server.ask('query Gone { posts(first: 3) { id author { name } } }', leaves.signal)
      await vi.waitFor(async () => expect(await recorded(server)).toMatchObject([{ ms: null }]), patience)
      leaves.abort()
      await expect(answer).rejects.toThrow('aborted')

      await vi.waitFor(
        async () => expect(await recorded(server)).toMatchObject([{ name: 'Gone', ms: expect.any(Number) }]),
        patience,
      )
      server.open()
    },
  )

  it('has the operations of one HTTP batch as one, since they share their loaders', async () => {
    const server = await start()
    await server.ask([
      { query: 'query A { post(id: 1) { id } }' },
      { query: 'query B { post(id: 2) { id } }' },
    ])
    const operations = await recorded(server)

    expect(operations.map(({ name, bulks }) => [name, bulks.map(bulk => bulk.tasks)])).toEqual([
      ['A, B', [2]],
    ])
    expect(operations[0]!.ms).not.toBeNull()
  })

  it('keeps the latest operations, of this server alone', async () => {
    const other = await serve()
    const server = await start({ inspector: { operations: 2 } })
    for (const name of ['A', 'B', 'C']) await server.ask(`query ${name} { post(id: 1) { id } }`)
    await other.ask('query Other { post(id: 1) { id } }')

    expect((await recorded(server)).map(({ name }) => name)).toEqual(['B', 'C'])
    expect((await recorded(other)).map(({ name }) => name)).toEqual(['Other'])
    await other.close()
  })

  it('holds no key and no result', async () => {
    const server = await start()
    await server.ask('{ post(id: 987654) { id author { name } } }')

    expect(JSON.stringify(await recorded(server))).not.toContain('987654')
  })
})

describe('server-sent events', () => {
  it('tell what is recorded, then a bulk while it runs, then its end', async () => {
    const server = await start()
    await server.ask('query Before { post(id: 1) { id } }')
    const events = await listenTo(server.page)
    const first = await events.next()
    server.shut()
    const answer = server.ask('query Slow { post(id: 1) { id } }')
    let slow: RecordedOperation
    do [slow] = (await events.next()).data
    while (slow!.bulks[0]!.startedAt === null)

    expect(first).toMatchObject({
      event: 'recording',
      data: { version: 1, operations: [{ name: 'Before' }] },
    })
    expect(slow!).toMatchObject({ name: 'Slow', ms: null, bulks: [{ loader: 'posts', settledAt: null }] })

    server.open()
    await answer
    do [slow] = (await events.next()).data
    while (slow!.ms === null)
    expect(slow!.bulks[0]!.settledAt).toBeGreaterThan(0)
    events.close()
  })
})

describe('the page', () => {
  it('comes with a policy that lets nothing in but its own style and program', async () => {
    const server = await start()
    const response = await fetch(server.page, { headers: { accept: 'text/html' } })
    const policy = response.headers.get('content-security-policy')

    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'; /)
    expect(policy).not.toMatch(/unsafe|\*/)
    expect(await response.text()).toMatch(/^<!doctype html>/)
  })

  it('is less than 40 kB, compressed', async () => {
    const server = await start()
    const text = await (await fetch(server.page, { headers: { accept: 'text/html' } })).text()

    expect(gzipSync(text).length).toBeLessThan(40_000)
  })

  it.each(['/', '/api/graphql/'])('is below the endpoint, also when that is %s', async graphqlEndpoint => {
    const server = await start({ graphqlEndpoint })

    expect((await fetch(server.page)).status).toBe(200)
    expect((await fetch(`${server.page}/more`)).status).not.toBe(200)
  })

  it('gives what is recorded to no page of another site', async () => {
    const { page } = await start()
    const statuses = ['cross-site', 'same-site', 'same-origin', 'none'].map(async site => {
      const headers = { 'sec-fetch-site': site, accept: 'application/json' }
      return (await fetch(page, { headers })).status
    })

    expect(await Promise.all(statuses)).toEqual([403, 403, 200, 200])
    expect((await fetch(page, { method: 'POST' })).status).toBe(405)
  })

  it('does not exist in production, unless someone says who may see it', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const server = await start({ inspector: { enabled: undefined } })
    expect((await fetch(server.page)).status).toBe(404)
    expect(await (await fetch(server.page)).text()).not.toContain('NODE_ENV')
    await server.close()

    const guarded = await start({
      inspector: { enabled: async request => request.headers.get('x-key') === 'sesame' },
    })
    await guarded.ask(feed)
    const headers = { accept: 'application/json', 'x-key': 'sesame' }
    const seen = await fetch(guarded.page, { headers })

    expect((await fetch(guarded.page)).status).toBe(404)
    expect(((await seen.json()) as Recording).operations).toHaveLength(1)
  })

  it.each([
    [{ enabled: true }, 'Bulkcall: enabled must be a function, got true'],
    [{ operations: 0 }, 'Bulkcall: operations must be a whole number from 1, got 0'],
    [{ operation: 9 }, `did you mean 'operations'`],
    [{ bytes: 5 }, 'Bulkcall: bytes must be a whole number from 100000, got 5'],
    [{ allowedHosts: 'a.example' }, `Bulkcall: allowedHosts must be a list of host names, got 'a.example'`],
    [
      { allowedHosts: ['http://a.example'] },
      `Bulkcall: each of allowedHosts must be a host name without scheme and port, such as 'dev.example.com' or '.example.com', got 'http://a.example'`,
    ],
    [{ allowedHosts: ['a.example:80'] }, 'Bulkcall: each of allowedHosts must be a host name'],
    [{ allowedHosts: [7] }, 'Bulkcall: each of allowedHosts must be a host name'],
  ])('is refused with the options %j', async (inspector, message) => {
    await expect(serve({ inspector: inspector as never })).rejects.toThrow(message)
  })
})
