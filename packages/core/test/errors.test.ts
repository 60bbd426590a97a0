import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  AsyncBulkCall,
  BulkClosedError,
  BulkError,
  BulkLengthError,
  BulkOptionError,
  BulkOverflowError,
  BulkResultError,
  BulkScope,
  BulkTimeoutError,
  isBulkError,
  isolated,
} from '../src/index.ts'

function refusal(options: unknown, command: unknown = () => null): unknown {
  try {
    return new AsyncBulkCall(command as () => null, options as object)
  } catch (error) {
    return error
  }
}

async function removeFiles(): Promise<number> {
  return 1
}

/** What is shown of a value that was given for an option. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'bigint' ? `${value}n` : String(value)
}

function throws(): never {
  throw new Error('looked at')
}

describe('options', () => {
  const bounds: [string, string, unknown[]][] = [
    [
      'size',
      'a whole number from 1 or Infinity',
      [0, -1, 1.5, NaN, -Infinity, 2 ** 53, '10', 2n, null, true],
    ],
    ['delay', 'a number from 0 or Infinity', [-1, -0.5, NaN, -Infinity, '10', 2n, null, true]],
    ['concurrent', 'a whole number from 1, null or a Limiter', [0, -1, 1.5, NaN, Infinity, '10', 2n, true]],
    ['maxPending', 'a whole number from 1 or Infinity', [0, -1, 1.5, NaN, '10', 2n, null, true]],
    ['timeout', 'a number above 0 or Infinity', [0, -1, NaN, -Infinity, '10', 2n, null, true]],
    ['name', 'a string', [0, 2n, null, true]],
    ['scope', 'a BulkScope of this version', [0, '10', null, true]],
    ['host', 'a Host', [0, '10', null, true]],
  ]

  it.each(bounds.flatMap(([name, bound, wrong]) => wrong.map(value => [name, value, bound] as const)))(
    'S48 trap 39 %s: %s is refused',
    (name, value, bound) => {
      const error = refusal({ [name]: value })
      expect(error).toBeInstanceOf(BulkOptionError)
      expect(error).toMatchObject({
        code: 'BULK_OPTION',
        message: `Bulkcall: ${name} must be ${bound}, got ${shown(value)}`,
      })
    },
  )

  it.each([
    [{ size: [10] }, 'size must be a whole number from 1 or Infinity, got an Array'],
    [{ size: {} }, 'size must be a whole number from 1 or Infinity, got a plain object'],
    [{ delay: Symbol('s') }, 'delay must be a number from 0 or Infinity, got a symbol'],
    [{ delay: () => 5 }, 'delay must be a number from 0 or Infinity, got a function'],
    [
      { concurrent: { acquire() {} } },
      'concurrent must be a whole number from 1, null or a Limiter, got a plain object',
    ],
    [{ scope: {} }, 'scope must be a BulkScope of this version, got a plain object'],
    [
      { scope: Object.create(BulkScope.prototype) },
      'scope must be a BulkScope of this version, got a BulkScope',
    ],
    [{ host: { now() {} } }, 'host must be a Host, got a plain object'],
    [{ maxPending: 9, size: 10 }, 'maxPending must be a whole number from size (10) or Infinity, got 9'],
    [
      { name: 'x'.repeat(50), size: 'y'.repeat(50) },
      `size must be a whole number from 1 or Infinity, got '${'y'.repeat(40)}…'`,
    ],
  ])('S48 %o is refused', (options, message) => {
    expect(refusal(options)).toBeInstanceOf(BulkOptionError)
    expect(refusal(options)).toHaveProperty('message', `Bulkcall: ${message}`)
  })

  it('S48 a scope needs a whole host as well: one that stays open sets a timer', () => {
    const host = { now() {}, endOfTick() {}, captureContext() {} }
    expect(() => new BulkScope({ host: host as any })).toThrow(
      'Bulkcall: host must be a Host, got a plain object',
    )
  })

  it.each([
    [{ siez: 10 }, 'size'],
    [{ Size: 10 }, 'size'],
    [{ dealy: 10 }, 'delay'],
    [{ concurent: 10 }, 'concurrent'],
    [{ maxpending: 10 }, 'maxPending'],
    [{ timout: 10 }, 'timeout'],
  ])('S48 the unknown name in %o is refused, and the nearest known one told', (options, nearest) => {
    const known = 'size, delay, concurrent, maxPending, timeout, name, scope, context, host'
    const [name] = Object.keys(options)
    expect(refusal(options)).toBeInstanceOf(BulkOptionError)
    expect(refusal(options)).toMatchObject({
      message: `Bulkcall: an option must be one of ${known}, got '${name}' (did you mean '${nearest}'?)`,
    })
  })

  it('S48 an unknown name that is near to none is refused without a guess', () => {
    expect(String(refusal({ maxBatchSize: 10 }))).toMatch(/one of size, .*, host, got 'maxBatchSize'$/)
  })

  it('S48 an unknown name is refused even where its value is `undefined`', () => {
    expect(refusal({ batch: undefined })).toBeInstanceOf(BulkOptionError)
  })

  it.each([null, 10, 'size', true])('S48 %s for the options is refused', options => {
    expect(refusal(options)).toMatchObject({
      message: `Bulkcall: options must be an object, got ${shown(options)}`,
      code: 'BULK_OPTION',
    })
  })

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['rm', "'rm'"],
    [{}, 'a plain object'],
    [Promise.resolve(), 'a Promise'],
  ])('S48 %o for the command is refused', (command, got) => {
    const make = (): unknown => new AsyncBulkCall(command as unknown as () => null)
    expect(make).toThrow(BulkOptionError)
    expect(make).toThrow(`Bulkcall: the command must be a function, got ${got}`)
  })

  it('S48 what is within the bounds is taken, `undefined` for a default too', () => {
    const good: object[] = [
      { size: 1 },
      { size: Infinity, maxPending: 1 },
      { delay: 0.001 },
      { delay: Infinity },
      { delay: Number.MAX_VALUE },
      { concurrent: null },
      { concurrent: 1 },
      { size: 10, maxPending: 10 },
      { timeout: 0.5 },
      { timeout: Infinity },
      { name: '' },
      { scope: new BulkScope() },
      { size: undefined, delay: undefined, concurrent: undefined, maxPending: undefined },
      { timeout: undefined, name: undefined, scope: undefined, host: undefined },
    ]
    for (const options of good) expect(refusal(options)).toBeInstanceOf(AsyncBulkCall)
  })

  it('S48 the options of a scope are checked as well', () => {
    expect(() => new BulkScope({ host: {} as never })).toThrow(
      'Bulkcall: host must be a Host, got a plain object',
    )
    expect(() => new BulkScope({ hots: 1 } as object)).toThrow("got 'hots' (did you mean 'host'?)")
  })

  it('S48 S49 the name is that of the command, where it has one', async () => {
    const unnamed = [() => 1][0]!
    const failing = [
      [new AsyncBulkCall<string, unknown>(removeFiles as never), 'removeFiles'],
      [new AsyncBulkCall<string, unknown>(unnamed as never), 'anonymous'],
      [new AsyncBulkCall<string, unknown>(removeFiles as never, { name: 'rm' }), 'rm'],
    ] as const
    for (const [call, name] of failing) {
      expect(call.name).toBe(name)
      await expect(call.call('a')).rejects.toThrow(`Bulkcall: ${name} must get an iterable`)
    }
  })
})

describe('errors', () => {
  const ours: [BulkError, string, string, object][] = [
    [new BulkOptionError('size', 'a whole number', 0), 'BulkOptionError', 'BULK_OPTION', {}],
    [new BulkLengthError('rm', 3, 2), 'BulkLengthError', 'BULK_LENGTH', { expected: 3, received: 2 }],
    [new BulkResultError('rm', 'text'), 'BulkResultError', 'BULK_RESULT', {}],
    [new BulkOverflowError('rm', 9), 'BulkOverflowError', 'BULK_OVERFLOW', { maxPending: 9 }],
    [new BulkClosedError('rm'), 'BulkClosedError', 'BULK_CLOSED', {}],
    [new BulkTimeoutError('rm', 50, 3), 'BulkTimeoutError', 'BULK_TIMEOUT', { timeout: 50, tasks: 3 }],
  ]

  it.each(ours)('S49 %s has a code, a name and numbers', (error, name, code, numbers) => {
    expect(error).toBeInstanceOf(BulkError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name, code, ...numbers })
    expect(String(error)).toMatch(new RegExp(`^${name}: Bulkcall: `))
    expect(error.stack).toContain(name)
    expect(isBulkError(error)).toBe(true)
  })

  it('S49 the messages are in one grammar: what, bound, got', () => {
    expect(ours.map(([error]) => error.message)).toEqual([
      'Bulkcall: size must be a whole number, got 0',
      'Bulkcall: rm must get one result for each of its 3 tasks, got 2',
      'Bulkcall: rm must get an iterable, a Map, an async iterable or none from its command, got a string',
      'Bulkcall: rm must have at most 9 tasks pending, got one more',
      'Bulkcall: rm must be open to take a task, got one after close()',
      'Bulkcall: rm must settle its 3 tasks within 50 ms, got no answer',
    ])
  })

  it('S49 `isBulkError` knows an error of another copy, and takes no other for one', () => {
    const foreign: unknown = runInNewContext(`
      class BulkError extends Error { get [Symbol.for('bulkcall:error')]() { return true } }
      Object.assign(new BulkError('x'), { code: 'BULK_LENGTH' })`)
    expect(isBulkError(foreign)).toBe(true)
    const others = [
      new Error('x'),
      // An error of the application, which is to be masked as any other.
      Object.assign(new Error('x'), { code: 'BULK_MAIL' }),
      Object.assign(new Error('x'), { code: 'BULK_LENGTH' }),
      new Proxy(new Error('x'), { has: throws, get: throws, getPrototypeOf: throws }),
      new Proxy(new Error('x'), { has: throws }),
      Object.assign(new Error('x'), { code: 'ENOENT' }),
      Object.assign(new Error('x'), { code: 5 }),
      { code: 'BULK_LENGTH', message: 'x' },
      'BULK_LENGTH',
      null,
      undefined,
    ]
    expect(others.map(isBulkError)).toEqual(others.map(() => false))
  })

  it('S49 none holds or prints a task or a result, nor does its cause', async () => {
    const secret = 'the-secret-of-a-tenant'
    class Row {
      readonly owner = secret
      toString(): string {
        return secret
      }
      toJSON(): string {
        return secret
      }
      get [Symbol.toStringTag](): string {
        return secret
      }
    }
    const wrongResults: unknown[] = [
      secret,
      [],
      [secret, secret, secret],
      new Set([new Row(), new Row(), new Row()]),
      { [secret]: secret },
      new Row(),
      Object.assign(Object.create(null), { constructor: { name: secret } }),
      Object.assign(() => secret, { [secret]: 1 }),
      Symbol(secret),
    ]
    const errors: unknown[] = []
    for (const results of wrongResults) {
      const call = new AsyncBulkCall<unknown, unknown>(() => results as null, { name: 'rows' })
      errors.push(...(await call.callMany([secret, new Row()])))
      const halves = new AsyncBulkCall<unknown, unknown>(
        isolated(() => results as null),
        { name: 'rows' },
      )
      errors.push(...(await halves.callMany([secret, new Row()])))
    }
    const never = new AsyncBulkCall<unknown, unknown>(() => new Promise<null>(() => {}), {
      timeout: 1,
      name: 'rows',
    })
    errors.push(...(await never.callMany([secret, new Row()])))
    const full = new AsyncBulkCall<unknown, unknown>(() => null, { maxPending: 1, name: 'rows' })
    errors.push(...(await full.callMany([secret, secret])).slice(1))
    await full.close()
    errors.push(...(await full.callMany([secret])))

    expect(errors).toHaveLength(wrongResults.length * 4 + 4)
    for (const error of errors) {
      expect(isBulkError(error)).toBe(true)
      expect((error as Error).message).toMatch(/^Bulkcall: rows must /)
      for (const text of textsOf(error)) expect(text).not.toContain(secret)
    }
  })

  it('S49 a word that a command throws is no part of the message of the Error that stands for it', async () => {
    const secret = 'the-secret-of-a-tenant'
    const call = new AsyncBulkCall((_tasks: number[]) => Promise.reject(secret))
    const [error] = await call.callMany([1])
    expect(error).toMatchObject({
      message: 'Bulkcall: a command must throw an Error, got a string',
      // What was thrown is the caller's to see: it is what a single call rejects with.
      cause: secret,
    })
  })
})

/** All that an error shows: its message, its stack, its own properties, and those of what they lead to. */
function textsOf(value: unknown, seen = new Set<unknown>()): string[] {
  if (value === null || seen.has(value)) return []
  if (typeof value === 'string') return [value]
  if (typeof value === 'symbol') return [value.toString()]
  if (typeof value !== 'object' && typeof value !== 'function') return []
  seen.add(value)
  const keys = Reflect.ownKeys(value)
  return [...keys.map(String), ...keys.flatMap(key => textsOf(Reflect.get(value, key), seen))]
}
