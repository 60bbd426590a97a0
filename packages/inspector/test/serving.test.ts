/**
 * What the server records and serves, over a real socket.
 */

import { request as send } from 'node:http'
import { brotliDecompressSync } from 'node:zlib'
import { useExecutionCancellation, type Plugin } from 'graphql-yoga'
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

async function whole({ page }: Serving): Promise<Recording> {
  const response = await fetch(page, { headers: { accept: 'application/json' } })
  return (await response.json()) as Recording
}

async function recorded(server: Serving): Promise<readonly RecordedOperation[]> {
  return (await whole(server)).operations
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
      fields: [['Post.author', 10, expect.any(Number)]],
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

    expect(posts.arrivals.map(arrival => arrival.slice(0, 3))).toEqual([[null, expect.any(Number), 12]])
    for (const bulk of bulks) {
      expect(bulk.arrivals.reduce((sum, [, , tasks]) => sum + tasks, 0)).toBe(bulk.tasks)
      for (const [after, ms] of bulk.arrivals) {
        expect(ms).toBeGreaterThanOrEqual(0)
        expect([null, ...bulks.map(({ id }) => id)]).toContain(after)
      }
    }
    const [after, ms] = authors.arrivals[0]!
    // In the same tick, and so at the same instant.
    const { arrivals } = bulks.find(bulk => bulk.loader === 'comments')!
    expect(arrivals.map(arrival => arrival.slice(0, 3))).toEqual([[after, ms, 12]])
    // The resolvers of twelve posts take a moment, and that tick is no shorter for either loader.
    expect(arrivals[0]![3]).toBeGreaterThan(0)
    expect(arrivals[0]![3]).toBe(authors.arrivals[0]![3])
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

  it('S110 says for how long the event loop was busy while a bulk was open, and while its command ran', async () => {
    const server = await start({ orgs: 'blocking', blocks: true })
    // The first time the server is cold, and busy with that.
    for (let time = 0; time < 3; time++)
      await server.ask('query Busy { posts(first: 2) { author { org { name } } } }')
    const { bulks } = (await recorded(server)).at(-1)!
    const [posts, orgs] = ['posts', 'blocking'].map(name => bulks.find(bulk => bulk.loader === name)!)

    // Its command computes for 30 ms, after it has waited for 4.
    expect(orgs!.busyRunning).toBeGreaterThanOrEqual(30)
    expect(orgs!.settledAt! - orgs!.startedAt! - orgs!.busyRunning!).toBeGreaterThan(1)
    expect(posts!.busyRunning!).toBeLessThan(posts!.settledAt! - posts!.startedAt!)
    for (const { busyOpen, openedAt, readyAt } of bulks)
      expect(busyOpen).toBeLessThanOrEqual(readyAt! - openedAt + 0.002)
  })

  it('S111 says which bulks timed out', async () => {
    const server = await start({ timeout: 5 })
    server.shut()
    const answer = server.ask('query Slow { posts(first: 2) { id } }')
    expect((await answer).errors[0].message).toMatch(/^Bulkcall: posts must settle its 2 tasks within 5 ms/)
    server.open()
    await vi.waitFor(async () => {
      const [operation] = await recorded(server)
      expect(operation!.bulks[0]).toMatchObject({ timedOut: true, failed: 2, settledAt: expect.any(Number) })
    }, patience)
  })

  it('S113 holds no key, no result, no value of a document and no variable', async () => {
    const server = await start()
    await server.ask({
      query: `query Q($id: Int!) { post(id: $id) { id } a: post(id: 987654) { id } posts(first: 12) { id } }`,
      variables: { id: 424242 },
    })
    const text = JSON.stringify(await whole(server))

    expect(text).not.toMatch(/987654|424242/)
    expect(text).toContain('a: post(id: …)')
    expect(text).toContain('post(id: $id)')
  })

  it('S113 holds the values of a document and the variables where they are wanted', async () => {
    const server = await start({ inspector: { values: true } })
    await server.ask({
      query: `query Q($id: Int!) { post(id: $id) { id } a: post(id: 987654) { id } }`,
      variables: { id: 424242 },
    })
    const { documents, operations } = await whole(server)

    expect(JSON.stringify(documents)).toContain('a: post(id: 987654)')
    expect(operations[0]!.variables).toBe('{"id":424242}')
  })

  it('S114 has the document, and which of its fields wanted how many keys of which loader, asked and cached', async () => {
    const server = await start()
    const query = `query Feed {
      posts(first: 12) { id author { name } ...talk }
      again: post(id: 3) { author { name } }
    }
    fragment talk on Post { comments { text author { ...who } } }
    fragment who on Author { name org { name } }`
    await server.ask(query)
    const { documents, operations } = await whole(server)
    const [{ id, lines }] = documents as [Recording['documents'][number]]
    const [operation] = operations as [RecordedOperation]

    expect(lines.map(([depth, text]) => '  '.repeat(depth) + text).join('\n')).toBe(`query Feed {
  posts(first: …) {
    id
    author {
      name
    }
    ...talk
  }
  again: post(id: …) {
    author {
      name
    }
  }
}
fragment talk on Post {
  comments {
    text
    author {
      ...who
    }
  }
}
fragment who on Author {
  name
  org {
    name
  }
}`)
    const asked = new Map<string, number>()
    const add = (line: number | undefined, loader: string, keys: number, how: string): void => {
      const key = `${lines[line! - id]![1].replace(' {', '')} (${line! - id}): ${loader} ${how}`
      asked.set(key, (asked.get(key) ?? 0) + keys)
    }
    for (const { fields, loader } of operation.bulks)
      for (const [, keys, line] of fields) add(line, loader, keys, 'asked')
    for (const [line, loader, keys] of operation.fieldHits) add(line, loader, keys, 'cached')

    expect(operation.documents).toEqual([id])
    // Two fields are called `author` of posts, and one of comments: each has its own count.
    expect(Object.fromEntries(asked)).toEqual({
      'posts(first: …) (1): posts asked': 12,
      'again: post(id: …) (8): posts cached': 1,
      'author (3): authors asked': 12,
      'author (9): authors cached': 1,
      'comments (15): comments asked': 12,
      'author (17): authors asked': 3,
      'author (17): authors cached': 33,
      'org (24): orgs asked': 3,
      'org (24): orgs cached': 33,
    })
  })

  it('S114 has a document once, however often it is asked and with whatever values, and forgets it with its operations', async () => {
    const server = await start({ inspector: { operations: 3 } })
    for (const id of [1, 2, 3]) await server.ask(`query A { post(id: ${id}) { id } }`)
    const same = await whole(server)
    for (const id of [1, 2, 3]) await server.ask(`query B { post(id: ${id}) { id } }`)
    const { documents, operations } = await whole(server)

    expect(same.documents).toHaveLength(1)
    expect(new Set(same.operations.flatMap(each => each.documents))).toEqual(new Set([same.documents[0]!.id]))
    expect(documents.map(({ lines }) => lines[0]![1])).toEqual(['query B {'])
    expect(operations.every(each => each.documents![0] === documents[0]!.id)).toBe(true)
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
    const next = async (): Promise<RecordedOperation> => {
      for (;;) {
        const { event, data } = await events.next()
        if (event === 'operations') return data[0]
        // Before the first operation that has it.
        expect([event, data[0].lines[0][1]]).toEqual(['documents', 'query Slow {'])
      }
    }
    let slow: RecordedOperation
    do slow = await next()
    while (slow.bulks[0]!.startedAt === null)

    expect(first).toMatchObject({
      event: 'recording',
      data: { version: 2, operations: [{ name: 'Before' }], documents: [{ lines: expect.any(Array) }] },
    })
    expect(slow).toMatchObject({ name: 'Slow', ms: null, bulks: [{ loader: 'posts', settledAt: null }] })

    server.open()
    await answer
    do slow = await next()
    while (slow.ms === null)
    expect(slow.bulks[0]!.settledAt).toBeGreaterThan(0)
    events.close()
  })
})

describe('the page', () => {
  it('S116 comes with a policy that lets nothing in but its own style and program', async () => {
    const server = await start()
    const response = await fetch(server.page, { headers: { accept: 'text/html' } })
    const policy = response.headers.get('content-security-policy')

    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'; /)
    expect(policy).not.toMatch(/unsafe|\*/)
    expect(await response.text()).toMatch(/^<!doctype html>/)
  })

  it('S116 is less than 40 kB, compressed', async () => {
    const server = await start()
    const get = (encodings: string): Promise<{ bytes: Buffer; encoding: unknown }> =>
      new Promise((resolve, reject) => {
        const headers = { accept: 'text/html', 'accept-encoding': encodings }
        send(server.page, { headers }, response => {
          const chunks: Buffer[] = []
          response
            .on('data', (chunk: Buffer) => chunks.push(chunk))
            .on('end', () =>
              resolve({ bytes: Buffer.concat(chunks), encoding: response.headers['content-encoding'] }),
            )
        })
          .on('error', reject)
          .end()
      })
    const packed = await get('gzip, deflate, br, zstd')
    const plain = await get('gzip, br;q=0')

    expect([packed.encoding, plain.encoding]).toEqual(['br', 'identity'])
    expect(packed.bytes.length).toBeLessThan(40_000)
    expect(brotliDecompressSync(packed.bytes).toString()).toBe(plain.bytes.toString())
    expect(plain.bytes.toString()).toMatch(/^<!doctype html>/)
  })

  it.each(['/', '/api/graphql/'])('is below the endpoint, also when that is %s', async graphqlEndpoint => {
    const server = await start({ graphqlEndpoint })

    expect((await fetch(server.page)).status).toBe(200)
    expect((await fetch(`${server.page}/more`)).status).not.toBe(200)
  })

  it.each(['/', '/graphql'])(
    'S116 is linked from GraphiQL at %s, for who may see it',
    async graphqlEndpoint => {
      const allowed = vi.fn(() => true)
      const server = await start({ graphqlEndpoint, inspector: { enabled: allowed } })
      const graphiql = server.address + graphqlEndpoint
      const headers = { accept: 'text/html' }
      const link = `href="${new URL(server.page).pathname}"`
      const shown = await fetch(graphiql, { headers })

      expect(await shown.text()).toContain(link)
      expect(shown.headers.get('content-type')).toBe('text/html')
      // The page itself, an answer and what an operation gives have no link in them.
      expect(await (await fetch(server.page, { headers })).text()).not.toContain(link)
      expect(JSON.stringify(await server.ask('{ number }'))).toBe('{"data":{"number":1}}')
      allowed.mockReturnValue(false)
      const hidden = await (await fetch(graphiql, { headers })).text()
      expect(hidden).toContain('GraphiQL')
      expect(hidden).not.toContain(link)
    },
  )

  it('gives what is recorded to no page of another site', async () => {
    const { page } = await start()
    const statuses = ['cross-site', 'same-site', 'same-origin', 'none'].map(async site => {
      const headers = { 'sec-fetch-site': site, accept: 'application/json' }
      return (await fetch(page, { headers })).status
    })

    expect(await Promise.all(statuses)).toEqual([403, 403, 200, 200])
    expect((await fetch(page, { method: 'POST' })).status).toBe(405)
  })

  it('S116 does not exist in production, unless someone says who may see it', async () => {
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
    [
      'throws',
      () => {
        throw new Error('no token')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no token'))],
  ])(
    'S276 does not exist where the function that says who may see it %s, which is logged',
    async (_, enabled) => {
      const logged: unknown[] = []
      const logs: Plugin = {
        onYogaInit({ yoga }) {
          yoga.logger.error = (error: unknown) => void logged.push(error)
        },
      }
      const server = await start({ inspector: { enabled }, plugins: [logs] })
      const answer = await fetch(server.page)
      const graphiql = await fetch(`${server.address}/graphql`, { headers: { accept: 'text/html' } })

      expect(answer.status).toBe(404)
      expect(await answer.text()).not.toContain('no token')
      expect(graphiql.status).toBe(200)
      expect(await graphiql.text()).not.toContain('graphql/bulk')
      // For the page and for the link in GraphiQL.
      expect(logged).toEqual([new Error('no token'), new Error('no token')])
    },
  )

  it.each([
    [{ enabled: true }, 'Bulkcall: enabled must be a function, got true'],
    [{ operations: 0 }, 'Bulkcall: operations must be a whole number from 1 to 10000, got 0'],
    [{ operations: 10_001 }, 'to 10000, got 10001'],
    [{ operation: 9 }, `did you mean 'operations'`],
    [{ values: 1 }, 'Bulkcall: values must be true or false, got 1'],
    [{ bytes: 5 }, 'Bulkcall: bytes must be a whole number from 100000 to 100000000, got 5'],
    [{ bytes: 2e8 }, 'to 100000000, got 200000000'],
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
