import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  AsyncBulkCall,
  BulkLengthError,
  BulkResultError,
  grouped,
  isolated,
  keyed,
  type CommandContext,
} from '../src/index.ts'
import { Deferred } from './support/deferred.ts'
import { promiseJobs } from './support/time.ts'

/** What each of some tasks gets when the command gives this: its value, or the error that it rejects with. */
async function outcomes(command: (tasks: number[]) => unknown, tasks = [1, 2, 3]): Promise<unknown[]> {
  const call = new AsyncBulkCall<number, unknown>(command as () => null, { name: 'test', concurrent: 1 })
  const settled = await Promise.allSettled(tasks.map(task => call.call(task)))
  await call.flush()
  expect([call.pending, call.inFlight]).toEqual([0, 0])
  return settled.map(each => (each.status === 'fulfilled' ? each.value : each.reason))
}

/** A thenable that is no promise. */
function thenable(then: (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => unknown) {
  // oxlint-disable-next-line unicorn/no-thenable -- what is tested
  const name = 'then'
  return { [name]: then }
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

async function* streamOf(tasks: number[]): AsyncGenerator<number> {
  yield* tasks
}

async function slowly(value: number): Promise<number> {
  await promiseJobs()
  return value
}

/** An object that has a mind of its own when it is looked at. */
function shy(traps: ProxyHandler<object>): object {
  return new Proxy({}, traps)
}

function mapThenReverse(tasks: number[]): Map<number, string> {
  const found = new Map(tasks.map(task => [task, `got ${task}`]))
  tasks.reverse()
  return found
}

describe('none', () => {
  it.each([
    ['null', () => null],
    ['undefined', () => undefined],
    ['nothing', () => {}],
    ['null, later', async () => null],
    ['nothing, later', async () => {}],
  ])('S24 trap 14 %s is `null` for each task', async (_, command) => {
    expect(await outcomes(command)).toEqual([null, null, null])
  })

  it('S24 trap 14 only the command can give none: `[]` is a wrong number of results', async () => {
    const error = expect.any(BulkLengthError)
    expect(await outcomes(() => [])).toEqual([error, error, error])
  })

  it('S24 trap 14 `null` and `undefined` among the results are values', async () => {
    expect(await outcomes(() => [null, undefined, 0])).toEqual([null, undefined, 0])
  })
})

describe('an iterable', () => {
  it.each([
    ['an array', (tasks: number[]) => tasks.map(task => task * 2)],
    ['an array, later', async (tasks: number[]) => tasks.map(task => task * 2)],
    ['a Set', (tasks: number[]) => new Set(tasks.map(task => task * 2))],
    [
      'a generator',
      function* (tasks: number[]) {
        for (const task of tasks) yield task * 2
      },
    ],
    ['a typed array', (tasks: number[]) => Uint8Array.from(tasks, task => task * 2)],
    ['an array of another realm', () => runInNewContext('[2, 4, 6]')],
    [
      'an iterable function',
      (tasks: number[]) =>
        Object.assign(() => {}, { [Symbol.iterator]: () => tasks.map(t => t * 2).values() }),
    ],
  ])('S25 %s gives each task the result at its place', async (_, command) => {
    expect(await outcomes(command)).toEqual([2, 4, 6])
  })

  it('S25 S31 an array whose iterator is its own gives what that yields', async () => {
    class Odd extends Array<number> {
      override *[Symbol.iterator](): ArrayIterator<number> {
        for (let i = 0; i < this.yields; i++) yield 10 * i
        return undefined
      }
      yields = 0
    }
    const givenOf = async (yields: number): Promise<unknown[]> => {
      const command = (tasks: number[]): Odd => Object.assign(Odd.from(tasks) as Odd, { yields })
      return new AsyncBulkCall<number, number>(command).callMany([1, 2, 3])
    }
    expect(await givenOf(3)).toEqual([0, 10, 20])
    for (const yields of [0, 2, 4, Infinity]) {
      const error = expect.objectContaining({
        code: 'BULK_LENGTH',
        expected: 3,
        received: Math.min(yields, 4),
      })
      expect(await givenOf(yields)).toEqual([error, error, error])
    }
  })

  it('S25 trap 13 holes are `undefined`, at the end too', async () => {
    const sparse: unknown[] = []
    sparse.length = 3
    sparse[0] = 'first'
    expect(await outcomes(() => sparse)).toEqual(['first', undefined, undefined])
  })

  it.each([
    ['a string', 'abc'],
    ['a String object', Object('abc')],
  ])('S25 trap 13 %s is no list of results', async (_, given) => {
    const error = expect.any(BulkResultError)
    expect(await outcomes(() => given)).toEqual([error, error, error])
  })

  it('S25 what the command does with its array later changes nothing', async () => {
    const got = await outcomes(() => {
      const results = [10, 20, 30]
      queueMicrotask(() => {
        results.length = 0
      })
      return results
    })
    expect(got).toEqual([10, 20, 30])
  })

  it('S23 an iterator that throws rejects every task with that error', async () => {
    const error = new Error('torn')
    const torn = function* () {
      yield 1
      throw error
    }
    const got = await outcomes(torn)
    expect(got.map(each => each === error)).toEqual([true, true, true])
  })

  it.each([
    ['Symbol.iterator', () => ({ [Symbol.iterator]: fail })],
    ['the getter of Symbol.iterator', () => Object.defineProperty({}, Symbol.iterator, { get: fail })],
    ['next', () => ({ [Symbol.iterator]: () => ({ next: fail }) })],
    ['a getter of the array', () => Object.defineProperty([1, 2, 3], 1, { get: fail })],
    ['a proxy at every touch', () => new Proxy([1, 2, 3], { get: fail, has: fail, getPrototypeOf: fail })],
    // oxlint-disable-next-line unicorn/no-thenable -- what is tested
    ['the getter of then', () => Object.defineProperty({}, 'then', { get: fail })],
    ['then', () => thenable(fail)],
  ])('S23 trap 20 %s that throws still settles each call', async (_, command) => {
    const got = await outcomes(command)
    expect(got.map(String)).toEqual(['Error: fault', 'Error: fault', 'Error: fault'])
  })

  it('S23 a revoked proxy still settles each call', async () => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    const error = expect.any(TypeError)
    expect(await outcomes(() => proxy)).toEqual([error, error, error])
  })

  it('S31 trap 12 fewer or more results are an error for every task, with the counts and no values', async () => {
    for (const results of [[], [1, 2], [1, 2, 3, 4], new Set([1])]) {
      const got = await outcomes(() => results)
      const received = [...results].length
      const message = `Bulkcall: test must get one result for each of its 3 tasks, got ${received}`
      for (const each of got)
        expect(each).toMatchObject({ message, expected: 3, received, code: 'BULK_LENGTH' })
      expect(got).toHaveLength(3)
    }
  })

  it('S31 an endless generator is not drawn past the first result too many, and is closed', async () => {
    let drawn = 0
    const closed = vi.fn()
    const got = await outcomes(function* () {
      try {
        for (;;) yield drawn++
      } finally {
        closed()
      }
    })
    expect(got.map(each => each instanceof BulkLengthError && each.received)).toEqual([4, 4, 4])
    expect(drawn).toBe(4)
    expect(closed).toHaveBeenCalledOnce()
  })
})

function fail(): never {
  throw new Error('fault')
}

describe('an Error', () => {
  it('S28 among the results rejects its task alone', async () => {
    const error = new RangeError('second')
    const call = new AsyncBulkCall((): (string | Error)[] => ['first', error, 'third'])
    const calls = [call.call(1), call.call(2), call.call(3)]
    expect(await Promise.allSettled(calls)).toEqual([
      { status: 'fulfilled', value: 'first' },
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: 'third' },
    ])
  })

  it('S28 rejects it no later than the others get their results: in the order of the tasks', async () => {
    const call = new AsyncBulkCall(() => [1, new Error('second'), 3, 4])
    const settled: number[] = []
    const calls = [1, 2, 3, 4].map(task => call.call(task).finally(() => settled.push(task)))
    await Promise.allSettled(calls)
    expect(settled).toEqual([1, 2, 3, 4])
  })

  it.each([
    'new Error("foreign")',
    'new (class Mine extends TypeError {})("foreign")',
    'Object.freeze(new Error())',
  ])('S28 trap 15 of another realm, %s, rejects its task alone', async code => {
    const error: unknown = runInNewContext(code)
    expect(error instanceof Error).toBe(false)
    const call = new AsyncBulkCall(() => [1, error])
    const calls = [call.call(1), call.call(2)]
    expect(await Promise.allSettled(calls)).toEqual([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: error },
    ])
    const many = await call.callMany([1, 2])
    expect(many[1] === error).toBe(true)
  })

  it('S28 trap 15 a row that only looks like one is a value', async () => {
    const rows = [{ name: 'Error', message: 'm', stack: 's' }, { stack: ['plates'] }, { message: 'hello' }]
    const call = new AsyncBulkCall(() => rows)
    expect(await Promise.all([1, 2, 3].map(task => call.call(task)))).toEqual(rows)
  })

  it('S28 a result that throws when it is looked at keeps no other from its own', async () => {
    const results = [1, shy({ getPrototypeOf: fail }), shy({ has: fail }), shy({ get: fail }), 5]
    const call = new AsyncBulkCall(() => results)
    const settled = await Promise.allSettled(results.map((_, place) => call.call(place)))
    expect(settled[0]).toEqual({ status: 'fulfilled', value: 1 })
    // A promise cannot be resolved with a value whose `then` cannot be read.
    expect(settled[3]!.status).toBe('rejected')
    expect(settled[4]).toEqual({ status: 'fulfilled', value: 5 })
  })
})

describe('a Map', () => {
  it('S26 gives each task the value under it, and `null` where there is none', async () => {
    const found = new Map<number, unknown>([
      [3, 'three'],
      [1, 'one'],
      [99, 'nobody asked'],
    ])
    expect(await outcomes(() => found)).toEqual(['one', null, 'three'])
    expect(await outcomes(async () => found)).toEqual(['one', null, 'three'])
    expect(await outcomes(() => new Map())).toEqual([null, null, null])
  })

  it('S26 S28 an Error under a task rejects it alone', async () => {
    const call = new AsyncBulkCall((tasks: number[]) => new Map([[tasks[0]!, new Error('one')]]))
    const calls = [call.call(1), call.call(2)]
    const [first, second] = await Promise.allSettled(calls)
    expect(first).toMatchObject({ status: 'rejected', reason: { message: 'one' } })
    expect(second).toEqual({ status: 'fulfilled', value: null })
  })

  it('S26 of another realm, or of a class of its own, is a Map', async () => {
    class Mine extends Map<number, string> {}
    expect(await outcomes(() => runInNewContext('new Map([[2, "two"]])'))).toEqual([null, 'two', null])
    expect(await outcomes(() => new Mine([[2, 'two']]))).toEqual([null, 'two', null])
  })

  it('S26 equal tasks each get the value', async () => {
    expect(await outcomes(() => new Map([[7, 'seven']]), [7, 7])).toEqual(['seven', 'seven'])
  })
})

describe('an async iterable', () => {
  it('S27 gives each task the result at its place, as soon as it is yielded', async () => {
    const steps = [new Deferred<string>(), new Deferred<string>()]
    const call = new AsyncBulkCall(async function* (_tasks: number[]) {
      yield steps[0]!.promise
      yield steps[1]!.promise
    })
    const log: string[] = []
    const calls = [1, 2].map(async task => log.push(`${task} ${await call.call(task)}`))
    await promiseJobs()
    expect(log).toEqual([])
    steps[0]!.resolve('a')
    await promiseJobs()
    expect(log).toEqual(['1 a'])
    steps[1]!.resolve('b')
    await Promise.all(calls)
    expect(log).toEqual(['1 a', '2 b'])
  })

  it('S27 its slot is kept until it ends', async () => {
    const end = new Deferred<null>()
    const call = new AsyncBulkCall(
      async function* (tasks: number[]) {
        yield* tasks
        await end.promise
      },
      { size: 1, concurrent: 1 },
    )
    const next = call.callMany([1, 2])
    await promiseJobs()
    expect([call.inFlight, call.pending]).toEqual([1, 1])
    end.resolve(null)
    expect(await next).toEqual([1, 2])
  })

  it('S27 an Error that is yielded rejects its task alone; one that is thrown, those that are left', async () => {
    const thrown = new Error('thrown')
    const yielded = new Error('yielded')
    const got = await outcomes(async function* () {
      yield 'one'
      yield yielded
      throw thrown
    })
    expect(got[0]).toBe('one')
    expect(got[1]).toBe(yielded)
    expect(got[2]).toBe(thrown)
  })

  it('S27 S31 one that ends too early is an error for those that are left', async () => {
    const got = await outcomes(async function* () {
      yield 'one'
    })
    expect(got).toEqual(['one', expect.any(BulkLengthError), expect.any(BulkLengthError)])
    expect(got[1]).toMatchObject({ expected: 3, received: 1 })
  })

  it('S27 S31 one that gives too many has given each task its own; it is closed, and no error is lost', async () => {
    let drawn = 0
    const closed = vi.fn()
    const got = await outcomes(async function* () {
      try {
        for (;;) yield drawn++
      } finally {
        closed()
      }
    })
    expect(got).toEqual([0, 1, 2])
    expect(drawn).toBe(4)
    expect(closed).toHaveBeenCalledOnce()
  })

  it('S27 it is closed when nobody waits for it any more', async () => {
    const go = new Deferred<null>()
    const closed = vi.fn()
    const call = new AsyncBulkCall(async function* (tasks: number[]) {
      try {
        await go.promise
        yield* tasks
      } finally {
        closed()
      }
    })
    const controller = new AbortController()
    const gone = call.callMany([1, 2], { signal: controller.signal })
    await promiseJobs()
    controller.abort(new Error('gone'))
    expect((await gone).map(String)).toEqual(['Error: gone', 'Error: gone'])
    go.resolve(null)
    await call.flush()
    expect(closed).toHaveBeenCalledOnce()
    expect(call.inFlight).toBe(0)
  })

  it('S27 it goes on for the others when one caller has gone', async () => {
    const go = new Deferred<null>()
    const call = new AsyncBulkCall(async function* (tasks: number[]) {
      await go.promise
      yield* tasks
    })
    const controller = new AbortController()
    const calls = [call.call(1), call.call(2, { signal: controller.signal }), call.call(3)]
    const settled = Promise.allSettled(calls)
    await promiseJobs()
    controller.abort('gone')
    go.resolve(null)
    expect(await settled).toEqual([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: 'gone' },
      { status: 'fulfilled', value: 3 },
    ])
  })

  it.each([
    ['Symbol.asyncIterator', { [Symbol.asyncIterator]: fail }],
    ['next', { [Symbol.asyncIterator]: () => ({ next: fail }) }],
    ['a rejected next', { [Symbol.asyncIterator]: () => ({ next: async () => fail() }) }],
  ])('S23 trap 20 %s that throws still settles each call', async (_, stream) => {
    expect((await outcomes(() => stream)).map(String)).toEqual(new Array(3).fill('Error: fault'))
  })

  it('S27 one that comes later, as a promise, works the same', async () => {
    expect(await outcomes(async tasks => streamOf(tasks))).toEqual([1, 2, 3])
  })
})

describe('promises', () => {
  it("S29 trap 16 a result that is a promise is waited for, and its rejection is its task's alone", async () => {
    const error = new Error('second')
    expect(await outcomes(() => [slowly(1), Promise.reject(error), 3])).toEqual([1, error, 3])
    const found = new Map([
      [1, slowly(1)],
      [2, Promise.reject(error)],
    ])
    expect(await outcomes(() => found)).toEqual([1, error, null])
  })

  it('S29 trap 16 `callMany` waits for such results too', async () => {
    const error = new Error('second')
    const call = new AsyncBulkCall(() => [Promise.resolve(1), Promise.reject(error), 3])
    expect(await call.callMany([1, 2, 3])).toEqual([1, error, 3])
  })

  it('S29 trap 17 a result may be any thenable, one whose `then` throws or gives nothing back among them', async () => {
    const error = new Error('then')
    const got = await outcomes(() => [
      thenable(resolve => resolve('mine')),
      thenable((_, reject) => reject(error)),
      thenable(() => {
        throw error
      }),
    ])
    expect(got).toEqual(['mine', error, error])
  })

  it('S29 S37 a call whose result is still a promise rejects when its signal aborts', async () => {
    const late = new Deferred<string>()
    const call = new AsyncBulkCall((_tasks: number[]) => [late.promise, 'mate'])
    const controller = new AbortController()
    const outcome = Promise.allSettled([call.call(1, { signal: controller.signal }), call.call(2)])
    await promiseJobs()
    controller.abort('gone')
    await promiseJobs()
    late.resolve('too late')
    expect(await outcome).toEqual([
      { status: 'rejected', reason: 'gone' },
      { status: 'fulfilled', value: 'mate' },
    ])
  })

  it('S23 trap 17 the command may give any thenable', async () => {
    expect(await outcomes(() => thenable(resolve => resolve([1, 2, 3])))).toEqual([1, 2, 3])
    // As some query builders do, which are functions that can be awaited.
    const builder = Object.assign(
      () => {},
      thenable(resolve => resolve([1, 2, 3])),
    )
    expect(await outcomes(() => builder)).toEqual([1, 2, 3])
  })

  it('S23 trap 17 a thenable that resolves twice, or throws after it has resolved, settles each call once', async () => {
    const twice = thenable((resolve, reject) => {
      resolve([1, 2, 3])
      resolve(null)
      reject(new Error('late'))
      throw new Error('later')
    })
    expect(await outcomes(() => twice)).toEqual([1, 2, 3])
  })

  it('S23 trap 17 a promise with a `then` of its own that gives nothing back crashes nothing', async () => {
    const promise = Promise.resolve([1, 2, 3])
    const original = promise.then.bind(promise)
    // oxlint-disable-next-line unicorn/no-thenable -- what is tested
    void Object.defineProperty(promise, 'then', { value: (...args: []) => void original(...args) })
    expect(await outcomes(() => promise)).toEqual([1, 2, 3])
  })

  it('S29 the command is asked for its `then` once: a lazy query must not run twice', async () => {
    let asked = 0
    const query = thenable(resolve => {
      asked++
      resolve([1, 2, 3])
    })
    expect(await outcomes(() => query)).toEqual([1, 2, 3])
    expect(asked).toBe(1)
  })
})

describe('a failure', () => {
  it.each([
    ['throws', true],
    ['rejects', false],
  ])('S30 trap 18 when the command %s, every task rejects with that very error', async (_, sync) => {
    const errors = [new TypeError('mine'), 'a word', undefined, null, { code: 1 }]
    for (const error of errors) {
      const got = await outcomes(() => {
        if (sync) throw error
        return Promise.reject(error)
      })
      expect(got).toEqual([error, error, error])
      expect(got.every(each => each === error)).toBe(true)
    }
  })

  it.each([
    ['a number', 42, 'a number'],
    ['true', true, 'a boolean'],
    ['a symbol', Symbol('secret'), 'a symbol'],
    ['a bigint', 1n, 'a bigint'],
    ['a plain object', { length: 3 }, 'a plain object'],
    ['a function', () => [1, 2, 3], 'a function'],
    ['a Date', new Date(0), 'a Date'],
    ['an Error', new Error('returned'), 'an Error'],
    ['a nameless object', Object.create(null), 'a nameless object'],
  ])('S32 %s is a `BulkResultError`, which tells its kind and nothing more', async (_, given, kind) => {
    const got = await outcomes(() => given)
    const must = 'must get an iterable, a Map, an async iterable or none from its command'
    for (const each of got) {
      expect(each).toBeInstanceOf(BulkResultError)
      expect(each).toMatchObject({ message: `Bulkcall: test ${must}, got ${kind}`, code: 'BULK_RESULT' })
    }
    expect(got).toHaveLength(3)
  })
})

describe('the tasks of the command', () => {
  it.each([
    // oxlint-disable-next-line unicorn/no-array-sort -- what is tested
    ['sorts', (tasks: number[]) => tasks.sort((a, b) => a - b)],
    ['empties', (tasks: number[]) => void (tasks.length = 0)],
    ['fills', (tasks: number[]) => void tasks.push(4, 5, 6)],
  ])('S33 trap 11 are its own: one that %s them changes nothing', async (_, change) => {
    const given = [3, 1, 2]
    const command = (tasks: number[]): string[] => {
      const results = tasks.map(task => `got ${task}`)
      change(tasks)
      return results
    }
    expect(await outcomes(command, given)).toEqual(['got 3', 'got 1', 'got 2'])
    const call = new AsyncBulkCall(command)
    expect(await call.callMany(given)).toEqual(['got 3', 'got 1', 'got 2'])
    expect(given).toEqual([3, 1, 2])
  })

  it('S33 trap 11 a Map still finds them', async () => {
    expect(await outcomes(mapThenReverse)).toEqual(['got 1', 'got 2', 'got 3'])
  })
})

interface Row {
  readonly id: number
  readonly name: string
}

describe('keyed', () => {
  const rows: Row[] = [
    { id: 3, name: 'c' },
    { id: 1, name: 'a' },
    { id: 3, name: 'the last c' },
    { id: 9, name: 'not asked for' },
  ]

  it('S34 gives each task the row with its key, the last of several, or `null`', async () => {
    const expected = [rows[1], null, rows[2]]
    for (const query of [() => rows, async () => rows, () => new Set(rows)]) {
      expect(await outcomes(keyed(query, (row: Row) => row.id) as () => unknown)).toEqual(expected)
    }
    const stream = async function* (): AsyncGenerator<Row> {
      yield* rows
    }
    expect(await outcomes(keyed(stream, row => row.id) as () => unknown)).toEqual(expected)
  })

  it('S34 none is no row', async () => {
    expect(
      await outcomes(
        keyed(
          () => null,
          () => 1,
        ) as () => unknown,
      ),
    ).toEqual([null, null, null])
  })

  it('S34 a falsy row is a row', async () => {
    const query = keyed(
      (_tasks: number[]) => [0, 1],
      row => row + 1,
    )
    expect(await new AsyncBulkCall(query).callMany([1, 2, 3])).toEqual([0, 1, null])
  })

  it('S34 tasks that are objects are found by a key of theirs', async () => {
    const query = keyed(
      (_tasks: { id: number }[]) => rows,
      row => row.id,
      task => task.id,
    )
    expect(await new AsyncBulkCall(query).callMany([{ id: 1 }, { id: 2 }])).toEqual([rows[1], null])
  })

  it('S33 S34 a query that sorts or empties its tasks changes nothing', async () => {
    const query = keyed(
      (tasks: number[]) => {
        tasks.length = 0
        return rows
      },
      row => row.id,
    )
    expect(await new AsyncBulkCall(query).callMany([3, 1])).toEqual([rows[2], rows[1]])
  })

  it('S30 what the query throws is what the tasks get', async () => {
    const error = new Error('query')
    const query = keyed(
      (): Row[] => {
        throw error
      },
      row => row.id,
    )
    expect(await outcomes(query as () => unknown)).toEqual([error, error, error])
  })
})

describe('grouped', () => {
  const rows: Row[] = [
    { id: 1, name: 'a' },
    { id: 3, name: 'b' },
    { id: 1, name: 'c' },
  ]

  it('S35 gives each task all rows with its key in their order, or `[]`', async () => {
    const query = grouped(
      (_tasks: number[]) => rows,
      row => row.id,
    )
    expect(await new AsyncBulkCall(query).callMany([1, 2, 3])).toEqual([[rows[0], rows[2]], [], [rows[1]]])
  })

  it('S35 in an array of its own: equal tasks do not share one', async () => {
    const query = grouped(
      (_tasks: number[]) => rows,
      row => row.id,
    )
    const call = new AsyncBulkCall(query)
    const [one, same, none, other] = await Promise.all([1, 1, 2, 2].map(task => call.call(task)))
    expect(one).toEqual(same)
    one!.length = 0
    none!.push(rows[0]!)
    expect(same).toEqual([rows[0], rows[2]])
    expect(other).toEqual([])
  })

  it('S35 takes rows one by one, and none', async () => {
    const stream = async function* (_tasks: number[]): AsyncGenerator<Row> {
      yield* rows
    }
    expect(await new AsyncBulkCall(grouped(stream, row => row.id)).callMany([3])).toEqual([[rows[1]]])
    const none = grouped(
      async (_tasks: number[]): Promise<Row[] | undefined> => undefined,
      row => row.id,
    )
    expect(await new AsyncBulkCall(none).callMany([1, 2])).toEqual([[], []])
  })
})

/** `keyed` or `grouped`, where it does not matter which. */
type Helper = <T>(
  query: (tasks: T[]) => Iterable<unknown> | AsyncIterable<unknown> | null,
  keyOf: (row: any) => unknown,
  keyOfTask?: (task: T) => any,
) => (tasks: T[], context: CommandContext) => Promise<unknown[]>
const helpers = { keyed: keyed as Helper, grouped: grouped as Helper }

describe.each([
  ['keyed', helpers.keyed, [null, null, null]],
  ['grouped', helpers.grouped, [[], [], []]],
] as const)('where the keys of rows meet those of tasks, %s', (name, helper, nothing) => {
  /** What a bulk of these tasks gets when the keys of its rows are these. */
  async function got(
    tasks: unknown[],
    keys: Iterable<unknown> | AsyncIterable<unknown> | null,
    keyOfTask: (task: unknown) => unknown = task => task,
  ): Promise<unknown[]> {
    const command = helper(
      (_tasks: unknown[]) => keys,
      key => key,
      keyOfTask,
    )
    const call = new AsyncBulkCall(command, { name: 'users' })
    return Promise.all(tasks.map(task => call.call(task).catch((error: unknown) => error)))
  }

  /** What a task gets that has found this row. */
  function found(row: unknown): unknown {
    return name === 'keyed' ? row : [row]
  }

  class ObjectId {
    readonly id: string
    constructor(id: string) {
      this.id = id
    }
  }
  const hint = '(keys are compared as in a Map: say keyOfTask, or convert in keyOf)'
  const noMatch: [string, unknown[], unknown[], string][] = [
    [
      'numbers for strings',
      ['1', '2', '3'],
      [1, 2],
      '2 rows with keys of type number for 3 tasks with keys of type string',
    ],
    [
      'bigint as text',
      [9007199254740993n],
      ['9007199254740993'],
      '1 row with keys of type string for 1 task with keys of type bigint',
    ],
    [
      'UUIDs in upper case',
      ['AB-CD'],
      ['ab-cd'],
      '1 row with keys of type string for 1 task with keys of type string',
    ],
    [
      'a padded char(n)',
      ['ab'],
      ['ab   '],
      '1 row with keys of type string for 1 task with keys of type string',
    ],
    [
      'dates, which are equal and not the same',
      [new Date(0), new Date(1)],
      [new Date(0), new Date(1)],
      '2 rows with keys of type Date for 2 tasks with keys of type Date',
    ],
    [
      'objects of a class',
      ['a'],
      [new ObjectId('a')],
      '1 row with keys of type ObjectId for 1 task with keys of type string',
    ],
    [
      'a misspelt column',
      [1],
      [undefined, undefined],
      '2 rows with keys of type undefined for 1 task with keys of type number',
    ],
    [
      'several types',
      [1, '2', 3],
      [null, {}, 1n, {}],
      '4 rows with keys of type null or plain object or bigint for 3 tasks with keys of type number or string',
    ],
  ]

  it.each(noMatch)(
    'S90 of %s, none of which match, gives each task an error',
    async (_, tasks, keys, said) => {
      const message = `Bulkcall: users must get rows with keys that its tasks have, got ${said} ${hint}`
      for (const error of await got(tasks, keys)) {
        expect(error).toBeInstanceOf(BulkResultError)
        expect(error).toMatchObject({ code: 'BULK_RESULT', message })
      }
    },
  )

  it('S90 of a stream, none of which match, gives each task an error', async () => {
    expect(await got(['1', '2'], streamOf([1, 2]))).toEqual([
      expect.any(BulkResultError),
      expect.any(BulkResultError),
    ])
  })

  it('S49 S90 prints no key, not even one that throws when it is looked at', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const data = { constructor: { name: 'secret' } }
    const [error] = await got(['secret'], [proxy, data, ['secret'], Symbol('secret')])
    expect(String(error)).toContain('4 rows with keys of type object or plain object or Array or symbol')
    expect(String(error)).not.toContain('secret')
  })

  it.each<[string, unknown, string]>([
    ['an object of a driver that has the rows in a property', { rows: [1] }, 'a plain object'],
    ['a string', 'secret', 'a string'],
    ['a number', 1, 'a number'],
    ['true', true, 'a boolean'],
    ['a query that was not called', () => [1], 'a function'],
    ['an object that is like an array', { length: 1, 0: 1 }, 'a plain object'],
  ])('S260 for rows that are %s gives each task an error that says so', async (_, rows, said) => {
    const message =
      'Bulkcall: users must get an iterable, an async iterable or none of rows from its query, got '
    for (const error of await got([1, 2], rows as number[]))
      expect(error).toMatchObject({ code: 'BULK_RESULT', message: message + said })
  })

  it('S34 S35 S90 no rows, or none, are nothing found and no error', async () => {
    expect(await got([1, 2, 3], [])).toEqual(nothing)
    expect(await got([1, 2, 3], null)).toEqual(nothing)
  })

  it('S90 `keyOfTask` makes equal what is equal for the database', async () => {
    expect(await got([1, 2n], ['2', '1'], String)).toEqual(['1', '2'].map(found))
    expect(await got(['AB-CD'], ['ab-cd'], id => String(id).toLowerCase())).toEqual([found('ab-cd')])
    expect(await got([new Date(7)], [7], date => (date as Date).getTime())).toEqual([found(7)])
  })

  it('S34 S35 `keyOfTask` gets the task and nothing more', async () => {
    // With the place of a task for its radix, parseInt gives NaN.
    const command = helper(
      (_tasks: string[]) => [10, 11],
      row => row,
      Number.parseInt,
    )
    const call = new AsyncBulkCall(command)
    expect((await call.callMany(['10', '11'])).flat()).toEqual([10, 11])
  })
})

function warnings() {
  return vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
}

describe.each(Object.entries(helpers))('rows that nobody asked for, with %s,', (name, helper) => {
  const joined = () => {
    const command = helper(
      (_tasks: number[]) => [1, 2, 3, 4, 5],
      row => row,
    )
    return new AsyncBulkCall(command, { name: 'users' })
  }

  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
    vi.unstubAllGlobals()
  })

  it('S91 are ignored, with one warning for each command that a helper made', async () => {
    const emitWarning = warnings()
    const call = joined()
    const got = [await call.callMany([2, 4, 9]), await call.callMany([1])]
    expect(got.flat(2)).toEqual(name === 'keyed' ? [2, 4, null, 1] : [2, 4, 1])
    expect(emitWarning.mock.calls).toEqual([
      [
        'Bulkcall: users must get rows with keys that its tasks have, ' +
          'got 3 of 5 rows with keys that no task has, in a bulk of 3 (said once)',
        { type: 'BulkcallWarning', code: 'BULKCALL_ROWS_UNASKED' },
      ],
    ])
    await joined().call(1)
    expect(emitWarning).toHaveBeenCalledTimes(2)
  })

  it('S91 without a warning in production', async () => {
    const emitWarning = warnings()
    vi.stubEnv('NODE_ENV', 'production')
    expect([await joined().call(2)].flat()).toEqual([2])
    expect(emitWarning).not.toHaveBeenCalled()
  })

  it.each([
    ['no process', undefined],
    ['a process without an environment', {}],
    ['a process that does not warn', { env: {} }],
    ['an environment that may not be read', { env: new Proxy({}, { get: fail }), emitWarning: fail }],
  ])('S91 without a warning, and without harm, where there is %s', async (_, process) => {
    // Only until this bulk has its rows: Node and Vitest need their process as well.
    const command = helper(
      (_tasks: number[]) => [2, 1],
      row => {
        if (row === 1) {
          vi.stubGlobal('process', process)
          queueMicrotask(() => vi.unstubAllGlobals())
        }
        return row
      },
    )
    expect([await new AsyncBulkCall(command).call(2)].flat()).toEqual([2])
  })

  it("S91 get no warning where every row is a task's", async () => {
    const emitWarning = warnings()
    const got = await joined().callMany([5, 4, 3, 2, 1, 6, 1])
    expect(got.flat(2).filter(Boolean)).toEqual([5, 4, 3, 2, 1, 1])
    expect(emitWarning).not.toHaveBeenCalled()
  })
})

/** A command that fails as a whole when one of its tasks is poisoned, and what it was called with. */
function fragile(
  poisoned: readonly number[],
  error: (tasks: number[]) => unknown = () => new Error('poison'),
) {
  const tries: number[][] = []
  const command = async (tasks: number[]): Promise<number[]> => {
    tries.push(tasks)
    if (tasks.some(task => poisoned.includes(task))) throw error(tasks)
    return tasks.map(task => task * 10)
  }
  return { tries, command }
}

const short = (tasks: number[]): number[] => tasks.filter(task => task !== 1)
const torn = async function* (tasks: number[]): AsyncGenerator<number> {
  for (const task of tasks) {
    if (task === 1) throw new Error('torn')
    yield task
  }
}

const isNoTypeError = (error: unknown): boolean => !(error instanceof TypeError)
const none = (): null => null

describe('isolated', () => {
  it('S36 finds one among n with at most 1 + 2 * ceil(log2 n) calls, for each n up to 64 and each place', async () => {
    for (let n = 1; n <= 64; n++) {
      const bound = 1 + 2 * Math.ceil(Math.log2(n))
      for (let poisoned = 0; poisoned < n; poisoned++) {
        const { tries, command } = fragile([poisoned])
        const got = await new AsyncBulkCall(isolated(command)).callMany(numbers(n))
        const failed = numbers(n).filter(place => got[place] instanceof Error)
        expect(failed).toEqual([poisoned])
        expect(got.filter(each => typeof each === 'number')).toEqual(
          numbers(n)
            .filter(task => task !== poisoned)
            .map(task => task * 10),
        )
        expect(tries.length).toBeLessThanOrEqual(bound)
      }
    }
  })

  it('S36 where nothing fails, the command is called once', async () => {
    const { tries, command } = fragile([])
    expect(await new AsyncBulkCall(isolated(command)).callMany([1, 2, 3])).toEqual([10, 20, 30])
    expect(tries).toEqual([[1, 2, 3]])
  })

  it('S36 finds several, and each gets the error of its own try', async () => {
    const { command } = fragile([1, 4, 5], tasks => new Error(`failed with ${tasks.length}`))
    const got = await new AsyncBulkCall(isolated(command)).callMany(numbers(8))
    expect(got.map(each => (each instanceof Error ? each.message : each))).toEqual([
      0,
      'failed with 1',
      20,
      30,
      'failed with 1',
      'failed with 1',
      60,
      70,
    ])
  })

  it('S36 trap 43 what has succeeded is not repeated', async () => {
    const { tries, command } = fragile([3])
    await new AsyncBulkCall(isolated(command)).callMany(numbers(8))
    expect(tries).toEqual([numbers(8), [0, 1, 2, 3], [0, 1], [2, 3], [2], [3], [4, 5, 6, 7]])
    const succeeded = tries.filter(tasks => !tasks.includes(3)).flat()
    expect(succeeded.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 4, 5, 6, 7])
  })

  it('S36 trap 43 without it nothing is ever repeated', async () => {
    const { tries, command } = fragile([1])
    await new AsyncBulkCall(command).callMany([0, 1, 2, 3])
    expect(tries).toEqual([[0, 1, 2, 3]])
  })

  it('S36 works within one slot', async () => {
    const { tries, command } = fragile([2])
    let running = 0
    const counted = async (tasks: number[]): Promise<number[]> => {
      running++
      expect(running).toBe(1)
      try {
        await promiseJobs()
        return await command(tasks)
      } finally {
        running--
      }
    }
    const call = new AsyncBulkCall(isolated(counted), { size: 4, concurrent: 1 })
    const got = await call.callMany(numbers(8))
    expect(got.map(each => each instanceof Error)).toEqual(numbers(8).map(task => task === 2))
    // The next bulk has waited until all halves of the first were done.
    expect(tries.at(-1)).toEqual([4, 5, 6, 7])
  })

  it('S36 stops at `maxCalls`', async () => {
    for (const maxCalls of [1, 2, 3, 5]) {
      const { tries, command } = fragile([0, 1, 2, 3, 4, 5, 6, 7])
      const got = await new AsyncBulkCall(isolated(command, { maxCalls })).callMany(numbers(8))
      expect(got.every(each => each instanceof Error)).toBe(true)
      expect(tries).toHaveLength(maxCalls)
    }
  })

  it('S36 stops at an error that `when` does not admit', async () => {
    const { tries, command } = fragile([1], () => new TypeError('lost connection'))
    const call = new AsyncBulkCall(isolated(command, { when: isNoTypeError }))
    const got = await Promise.allSettled(numbers(4).map(task => call.call(task)))
    expect(got.map(each => each.status)).toEqual(new Array(4).fill('rejected'))
    expect(tries).toHaveLength(1)
  })

  it('S36 stops at an error that `when` does not admit, also in the middle of its halves', async () => {
    const { tries, command } = fragile(numbers(8), tasks =>
      tasks.length === 2 ? new TypeError('lost connection') : new Error('poison'),
    )
    const got = await new AsyncBulkCall(isolated(command, { when: isNoTypeError })).callMany(numbers(8))
    expect(got.map(String)).toEqual(new Array(8).fill('TypeError: lost connection'))
    expect(tries).toEqual([numbers(8), [0, 1, 2, 3], [0, 1]])
  })

  it('S36 stops when nobody waits any more', async () => {
    const controller = new AbortController()
    const { tries, command } = fragile(numbers(8))
    const aborting = async (tasks: number[]): Promise<number[]> => {
      if (tries.length === 2) controller.abort('gone')
      return command(tasks)
    }
    const call = new AsyncBulkCall(isolated(aborting))
    const got = await call.callMany(numbers(8), { signal: controller.signal })
    expect(got.map(each => each instanceof Error && each.cause)).toEqual(new Array(8).fill('gone'))
    await call.flush()
    expect(tries).toEqual([numbers(8), [0, 1, 2, 3], [0, 1]])
  })

  it('S36 a wrong number of results, and a stream that breaks off, are failures to be halved as well', async () => {
    for (const command of [short, torn]) {
      const got = await new AsyncBulkCall<number, number>(isolated(command as typeof short)).callMany(
        numbers(4),
      )
      expect(got).toEqual([0, expect.any(Error), 2, 3])
    }
  })

  it('S36 passes on what single tasks got: Errors, Maps, promises, none', async () => {
    const own = new Error('own')
    const cases: [(tasks: number[]) => unknown, unknown[]][] = [
      [() => [1, own], [1, own]],
      [() => new Map([[0, 'zero']]), ['zero', null]],
      [() => [Promise.resolve(1), Promise.reject(own)], [1, own]],
      [() => null, [null, null]],
    ]
    for (const [command, expected] of cases) {
      const call = new AsyncBulkCall<number, unknown>(isolated(command as () => null))
      expect(await call.callMany([0, 1])).toEqual(expected)
    }
  })

  it('S48 its options are checked', () => {
    expect(() => isolated(none, { maxCalls: 0 })).toThrow(
      'Bulkcall: maxCalls must be a whole number from 1 or Infinity, got 0',
    )
    expect(() => isolated(none, { when: true as unknown as () => boolean })).toThrow(
      'Bulkcall: when must be a function, got true',
    )
    expect(() => isolated(none, { maxCall: 3 } as object)).toThrow("(did you mean 'maxCalls'?)")
    expect(() => isolated('rm' as unknown as typeof none)).toThrow('Bulkcall: command must be a function')
    expect(() => keyed('rows' as unknown as typeof none, () => 1)).toThrow('query must be a function')
    expect(() => grouped(none, 'id' as unknown as () => 1)).toThrow('keyOf must be a function')
  })
})
