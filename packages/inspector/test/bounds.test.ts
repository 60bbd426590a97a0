/**
 * Bounds: what is kept, and what is on its way to pages, has a bound in bytes, whatever operations do and pages do not.
 */

import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AsyncBulkCall, BulkScope } from '@bulkcall/core'
import { createYoga } from 'graphql-yoga'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { readRecording } from '../page/recorded-file.ts'
import { Live } from '../src/live.ts'
import { Recorder } from '../src/recorder.ts'
import { listenTo, serve } from './support/server.ts'

const stops: (() => unknown)[] = []

afterEach(async () => {
  vi.useRealTimers()
  // oxlint-disable-next-line no-await-in-loop -- in their order
  for (const stop of stops.splice(0)) await stop()
})

function record(keeps: number, bytes?: number): Recorder {
  const recorder = new Recorder({ keeps, bytes })
  stops.push(() => recorder.stop())
  return recorder
}

/** An operation, and a way to have bulks in it. */
function operate(recorder: Recorder, name = 'Feed') {
  const scope = new BulkScope({ name })
  const end = recorder.begin(scope, 'query')
  const echo = new AsyncBulkCall((tasks: readonly number[]) => tasks, { name: 'echo', size: 1, scope })
  const bulks = (count: number): Promise<unknown> =>
    scope.run(() => Promise.all(Array.from({ length: count }, (_, n) => echo.call(n))))
  return { scope, end: () => end(0), bulks }
}

/** As a parser gives it. */
function documentOf(field: string) {
  const selections = [{ kind: 'Field', name: { kind: 'Name', value: field } }]
  return { definitions: [{ kind: 'OperationDefinition', operation: 'query', selectionSet: { selections } }] }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Of this process, in bytes. */
function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** A text of a million letters, all of which are in memory. */
function million(): string {
  return Buffer.alloc(1_000_000, 'x').toString('latin1')
}

/** Changes an operation all the time, for so many seconds. */
async function change(operation: ReturnType<typeof operate>, seconds: number): Promise<void> {
  for (let n = 0; n < seconds * 20; n++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await Promise.all([operation.bulks(1), vi.advanceTimersByTimeAsync(50)])
  }
}

/** A server with nothing but the stream. */
async function stream(recorder: Recorder) {
  const live = new Live(recorder.shelf)
  const yoga = createYoga({
    logging: false,
    plugins: [
      {
        onRequest(hook) {
          const { request, fetchAPI } = hook
          hook.endResponse(new fetchAPI.Response(live.stream(fetchAPI.ReadableStream, request.signal)))
        },
      },
    ],
  })
  const server = createServer((request, response) => void yoga(request, response))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  stops.push(async () => {
    live.close()
    server.closeAllConnections()
    await new Promise(done => server.close(done))
  })
  return { live, port: (server.address() as AddressInfo).port }
}

function ask(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET / HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n')
      resolve(socket)
    })
    socket.on('error', reject)
  })
}

describe('S115 what is kept', () => {
  it('has a bound in bytes: the oldest operations go', async () => {
    const recorder = record(200, 1_000_000)
    for (let n = 0; n < 20; n++) {
      const { bulks, end } = operate(recorder, `Feed${n}`)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await bulks(200)
      end()
      expect(recorder.shelf.bytes).toBeLessThanOrEqual(1_000_000)
    }
    const { operations } = recorder.shelf.recording

    expect(operations.length).toBeGreaterThanOrEqual(4)
    expect(operations.map(({ name }) => name)).toEqual(
      Array.from({ length: operations.length }, (_, n) => `Feed${20 - operations.length + n}`),
    )
    expect(JSON.stringify(recorder.shelf.recording).length).toBeLessThan(1_000_000)
  })

  it('has of one operation only the bulks that have room, and counts the others', async () => {
    const recorder = record(200, 1_000_000)
    const { bulks, end } = operate(recorder)
    await bulks(10_000)
    end()
    const [operation] = recorder.shelf.recording.operations

    expect(operation!.bulks.length).toBeGreaterThan(100)
    expect(operation!.bulks.length + operation!.omitted!).toBe(10_000)
    expect(operation!.bulks.every(({ settledAt }) => settledAt !== null)).toBe(true)
    expect(recorder.shelf.bytes).toBeLessThanOrEqual(250_000)
  })

  it('has an operation of nearly ten thousand bulks in whole, and says by how much a larger one is', async () => {
    const recorder = record(200)
    const { bulks, end } = operate(recorder)
    await bulks(9_000)
    end()

    expect(recorder.shelf.recording.operations).toMatchObject([{ bulks: { length: 9_000 } }])
    expect(recorder.shelf.recording.operations[0]!.omitted).toBeUndefined()
  })

  it('S279 is read by the page, as many operations and documents as may be kept', async () => {
    const recorder = record(10_000, 100_000_000)
    for (let n = 0; n < 10_001; n++) {
      const scope = new BulkScope({ name: 'Feed' })
      // As in an HTTP batch, where each operation has a document of its own.
      for (const part of [1, 2]) recorder.begin(scope, 'query', { document: documentOf(`a${n}_${part}`) })(0)
      const echo = new AsyncBulkCall((tasks: readonly number[]) => tasks, { name: 'echo', scope })
      // oxlint-disable-next-line no-await-in-loop -- one operation after the other
      await scope.run(() => echo.call(n))
    }
    const read = readRecording(JSON.stringify(recorder.shelf.recording))
    expect(read.operations).toHaveLength(10_000)
    expect(read.documents).toHaveLength(20_000)
  })

  it('forgets an operation that goes on and on, with all that it had', async () => {
    const recorder = record(2)
    const long = operate(recorder, 'Long')
    await long.bulks(100)
    const [kept] = recorder.shelf.recording.operations
    for (const name of ['A', 'B']) {
      const { bulks, end } = operate(recorder, name)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await bulks(1)
      end()
    }
    await long.bulks(100)
    long.end()

    expect(recorder.shelf.recording.operations.map(({ name }) => name)).toEqual(['A', 'B'])
    expect(kept!.bulks).toEqual([])
  })

  it('is small of a scope that is no operation of this server, however long it lives', async () => {
    const recorder = record(200)
    const scope = new BulkScope()
    const echo = new AsyncBulkCall((tasks: readonly number[]) => tasks, { size: 1, scope })
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => echo.call(n)))
    recorder.begin(scope, 'query')(0)

    expect(recorder.shelf.bytes).toBeLessThan(100_000)
  })

  it('does not hold the long texts that its short ones were cut out of', async () => {
    const recorder = record(200)
    const before = heap()
    for (let n = 0; n < 150; n++) {
      const scope = new BulkScope({ name: million().slice(10, 60) })
      const end = recorder.begin(scope, 'query')
      const call = new AsyncBulkCall(
        () => {
          throw new Error(million())
        },
        { name: 'broken', scope },
      )
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await call.call(n).catch(() => {})
      end(1)
    }

    expect(recorder.shelf.recording.operations).toHaveLength(150)
    expect(recorder.shelf.recording.operations[0]!.bulks[0]!.error).toMatch(
      /^Error: x{492}…$|^Error: x{491,493}…?$/,
    )
    expect(heap() - before).toBeLessThan(50_000_000)
  })
})

/** For how long an operation changes, of time that does not pass by itself. */
const seconds = process.env.BULKCALL_ALL ? 60 : 15
const streams = [
  ['the platform', globalThis.ReadableStream],
  ['Yoga', createYoga({ logging: false }).fetchAPI.ReadableStream],
] as const

describe.each(streams)('S115 a page, with the streams of %s', (_, Stream) => {
  it('that does not read has nothing written for it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const recorder = record(200)
    const live = new Live(recorder.shelf)
    stops.push(() => live.close())
    const operation = operate(recorder)
    await operation.bulks(3_000)
    const reader = live.stream(Stream, undefined).getReader()
    await reader.read()
    const write = vi.spyOn(recorder.shelf, 'write')
    await change(operation, seconds)

    // What the stream itself holds ready.
    expect(write.mock.calls.length).toBeLessThanOrEqual(3)
    await reader.cancel()
    expect(live.pages).toBe(0)
  })

  it('gets no more in a second than it is worth, although an operation changes all the time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const recorder = record(200)
    const live = new Live(recorder.shelf)
    stops.push(() => live.close())
    const operation = operate(recorder)
    await operation.bulks(1_000)
    const sizes = [0, 0, 0, 0, 0]
    const write = vi.spyOn(recorder.shelf, 'write')
    const read = sizes.map(async (__, page) => {
      const reader = live.stream(Stream, undefined).getReader()
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- a stream
        const { done, value } = await reader.read()
        if (done) return
        sizes[page]! += (value as Uint8Array).length
      }
    })
    await change(operation, seconds)
    live.close()
    await Promise.all(read)

    for (const size of sizes) {
      expect(size).toBeGreaterThan(seconds * 80_000)
      expect(size).toBeLessThan(seconds * 256 * 1024 + 2_000_000)
    }
    // Once for all pages, but for what each gets first.
    expect(write.mock.calls.length).toBeLessThan(100)
  }, 300_000)
})

describe('S115 over a socket', () => {
  it('a hundred pages that read nothing hold nothing, and are forgotten when they go', async () => {
    const recorder = record(200)
    const operations = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const operation = operate(recorder, `Feed${n}`)
        await operation.bulks(1_000)
        return operation
      }),
    )
    const { live, port } = await stream(recorder)
    const before = process.memoryUsage()
    const sockets = await Promise.all(Array.from({ length: 100 }, () => ask(port)))
    await expect.poll(() => live.pages, { timeout: 20_000 }).toBe(100)
    for (let n = 0; n < 20; n++) {
      // oxlint-disable-next-line no-await-in-loop -- time passes
      await Promise.all([
        ...operations.map(each => each.bulks(10)),
        new Promise(done => setTimeout(done, 50)),
      ])
    }
    collect()
    const after = process.memoryUsage()
    const grown = after.heapUsed + after.external - before.heapUsed - before.external

    // Each would have had 5 MB at once and as much again five times a second. A piece or two are on their way.
    expect(grown).toBeLessThan(100 * 1_500_000)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => live.pages, { timeout: 20_000 }).toBe(0)
  })

  it('a page learns which operations are kept no more', async () => {
    const server = await serve({ inspector: { operations: 2 } })
    stops.push(() => server.close())
    for (const name of ['A', 'B']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await server.ask(`query ${name} { post(id: 1) { id } }`)
    }
    const events = await listenTo(server.page)
    const known = new Map<number, string>()
    for (const { id, name } of (await events.next()).data.operations) known.set(id, name)
    expect([...known.values()]).toEqual(['A', 'B'])

    await server.ask('query C { post(id: 1) { id } }')
    while (known.size > 2 || ![...known.values()].includes('C')) {
      // oxlint-disable-next-line no-await-in-loop -- a stream
      const { event, data } = await events.next()
      if (event === 'forgotten') for (const id of data as number[]) known.delete(id)
      else if (event === 'operations') for (const { id, name } of data) known.set(id, name)
    }
    expect([...known.values()]).toEqual(['B', 'C'])
    events.close()
  })

  it('a page learns which documents are kept no more, and gets one again that comes back', async () => {
    const server = await serve({ inspector: { operations: 1 } })
    stops.push(() => server.close())
    const events = await listenTo(server.page)
    await events.next()
    const known = new Map<number, string>()
    const learn = async (name: string): Promise<void> => {
      await server.ask(`query ${name} { post(id: 1) { id } }`)
      for (;;) {
        const { event, data } = await events.next()
        if (event === 'documents') for (const { id, lines } of data) known.set(id, lines[0][1])
        if (event === 'forgottenDocuments') for (const id of data as number[]) known.delete(id)
        if (event === 'operations' && data[0].name === name && data[0].ms !== null) return
      }
    }
    const texts: string[][] = []
    for (const name of ['A', 'B', 'A']) {
      await learn(name)
      texts.push([...known.values()])
    }
    events.close()

    expect(texts).toEqual([['query A {'], ['query B {'], ['query A {']])
  })

  it('a hundred clients get all of a large recording, as events and as JSON', async () => {
    const server = await serve()
    stops.push(() => server.close())
    for (let n = 0; n < 4; n++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await server.ask(
        `query Feed { ${Array.from({ length: 300 }, (_, i) => `p${i}: posts(first: 3) { id author { name } }`).join(' ')} }`,
      )
    }
    const json = await (await fetch(server.page, { headers: { accept: 'application/json' } })).text()
    const { operations } = JSON.parse(json)
    expect(operations).toHaveLength(4)

    const all = Array.from({ length: 100 }, async (_, n) => {
      if (n % 2 === 0) {
        const answer = await fetch(server.page, { headers: { accept: 'application/json' } })
        return ((await answer.json()) as { operations: unknown }).operations
      }
      const events = await listenTo(server.page)
      const { data } = await events.next()
      events.close()
      return data.operations
    })
    for (const got of await Promise.all(all)) expect(got).toEqual(operations)
  })

  it('a page whose server ends learns so', async () => {
    const server = await serve()
    const events = await listenTo(server.page)
    await events.next()
    const next = events.next()
    await server.close()

    await expect(next).rejects.toThrow(/The stream has ended|terminated/)
  })
})
