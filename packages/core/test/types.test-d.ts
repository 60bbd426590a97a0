import { describe, expectTypeOf, it } from 'vitest'
import {
  AsyncBulkCall,
  BulkLoader,
  bulkLoaderFactory,
  BulkScope,
  grouped,
  isolated,
  keyed,
  semaphore,
  SharedLoader,
  type BulkCallOptions,
  type BulkLoaderOptions,
  type CacheMap,
  type Command,
  type CommandContext,
  type Limiter,
  type LoaderCommand,
  type ResultOf,
  type Results,
} from '../src/index.ts'

interface User {
  readonly id: number
  readonly email: string
}

interface Post {
  readonly title: string
  readonly authorId: number
}

/** A row that looks a lot like an Error: all that an Error must have are `name` and `message`. */
interface Complaint {
  readonly name: string
  readonly message: string
}

declare const users: User[]
declare const usersById: Map<number, User>
declare const usersOrNull: (User | null)[]
declare const postsOf: (authorIds: readonly number[]) => Promise<Post[]>
declare const writtenByHand: Command<number, User | null>
declare const find: (table: string, ids: readonly number[]) => User[]
declare const textOf: (id: number) => string
declare const usersOf: (ids: readonly number[]) => Promise<User[]>

/** What a call of this command gives, as the type of the promise tells. */
type Given<C> = C extends { call(task: any): Promise<infer R> } ? R : never
type Loaded<L> = L extends { load(key: any): Promise<infer V> } ? V : never

describe('the result of a call is read off the command', () => {
  it('S25 an array of users gives a User, and no null', () => {
    const later = new AsyncBulkCall(async (_tasks: number[]) => users)
    const atOnce = new AsyncBulkCall((_tasks: number[]) => users)
    expectTypeOf(later).toEqualTypeOf<AsyncBulkCall<number, User>>()
    expectTypeOf(atOnce).toEqualTypeOf<AsyncBulkCall<number, User>>()
    expectTypeOf(later.call(1)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(later.callMany([1])).toEqualTypeOf<Promise<(User | Error)[]>>()
  })

  it('S24 null is among the results where the command can give none', () => {
    const call = new AsyncBulkCall(async (_tasks: number[]): Promise<User[] | null> => users)
    expectTypeOf(call.call(1)).toEqualTypeOf<Promise<User | null>>()
    const maybe = new AsyncBulkCall(async (_tasks: number[]): Promise<User[] | undefined> => users)
    expectTypeOf(maybe.call(1)).toEqualTypeOf<Promise<User | null>>()
    const eitherWay = new AsyncBulkCall((_tasks: number[]): Promise<User[]> | null => null)
    expectTypeOf(eitherWay.call(1)).toEqualTypeOf<Promise<User | null>>()
  })

  it('S24 null is the result where the command gives none', () => {
    const later = new AsyncBulkCall(async (_tasks: string[]) => {})
    const atOnce = new AsyncBulkCall((_tasks: string[]) => {})
    const sayingSo = new AsyncBulkCall((_tasks: string[]) => null)
    expectTypeOf(later.call('a')).toEqualTypeOf<Promise<null>>()
    expectTypeOf(atOnce.call('a')).toEqualTypeOf<Promise<null>>()
    expectTypeOf(sayingSo.call('a')).toEqualTypeOf<Promise<null>>()
  })

  it('S26 a Map may have nothing under a task', () => {
    const call = new AsyncBulkCall(async (_tasks: number[]) => usersById)
    expectTypeOf(call.call(1)).toEqualTypeOf<Promise<User | null>>()
    const readonlyMap = new AsyncBulkCall((_tasks: number[]): ReadonlyMap<number, User | Error> => usersById)
    expectTypeOf(readonlyMap.call(1)).toEqualTypeOf<Promise<User | null>>()
  })

  it('S25 S27 generators give what they yield', () => {
    const lazy = new AsyncBulkCall(function* (_tasks: number[]) {
      yield* users
    })
    const streamed = new AsyncBulkCall(async function* (_tasks: number[]) {
      yield* users
    })
    const aSet = new AsyncBulkCall((_tasks: number[]) => new Set(users))
    expectTypeOf(lazy.call(1)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(streamed.call(1)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(aSet.call(1)).toEqualTypeOf<Promise<User>>()
  })

  it('S28 an Error rejects its task, so it is no result', () => {
    const call = new AsyncBulkCall(async (_tasks: number[]): Promise<(User | Error)[]> => users)
    expectTypeOf(call.call(1)).toEqualTypeOf<Promise<User>>()
    const named = new AsyncBulkCall(async (_tasks: number[]): Promise<(User | TypeError | null)[]> => users)
    expectTypeOf(named.call(1)).toEqualTypeOf<Promise<User | null>>()
    const streamed = new AsyncBulkCall(async function* (ids: number[]) {
      for (const id of ids) yield users[id] ?? new Error(`no user`)
    })
    expectTypeOf(streamed.call(1)).toEqualTypeOf<Promise<User>>()
  })

  it('S28 a row with a name and a message is no Error', () => {
    const call = new AsyncBulkCall(async (_tasks: number[]): Promise<Complaint[]> => [])
    expectTypeOf(call.call(1)).toEqualTypeOf<Promise<Complaint>>()
    const orError = new AsyncBulkCall(async (_tasks: number[]): Promise<(Complaint | Error)[]> => [])
    expectTypeOf(orError.call(1)).toEqualTypeOf<Promise<Complaint>>()
  })

  it('S29 a result that is a promise is waited for', () => {
    const call = new AsyncBulkCall((ids: number[]) => ids.map(async id => users[id]!))
    expectTypeOf(call.call(1)).toEqualTypeOf<Promise<User>>()
  })

  it('S25 results that may be null, or are lists themselves, stay as they are', () => {
    const nullable = new AsyncBulkCall(async (_tasks: number[]) => usersOrNull)
    const lists = new AsyncBulkCall(async (_tasks: number[]) => [users])
    const words = new AsyncBulkCall(async (_tasks: number[]) => ['a'])
    const loose = new AsyncBulkCall(async (_tasks: number[]): Promise<any> => users)
    const unknowns = new AsyncBulkCall(async (_tasks: number[]): Promise<unknown[]> => users)
    expectTypeOf(nullable.call(1)).toEqualTypeOf<Promise<User | null>>()
    expectTypeOf(lists.call(1)).toEqualTypeOf<Promise<User[]>>()
    expectTypeOf(words.call(1)).toEqualTypeOf<Promise<string>>()
    expectTypeOf(loose.call(1)).toEqualTypeOf<Promise<any>>()
    expectTypeOf(unknowns.call(1)).toEqualTypeOf<Promise<unknown>>()
  })

  it('S30 a command that can only throw gives no result', () => {
    const call = new AsyncBulkCall((_tasks: number[]): never => {
      throw new Error('always')
    })
    expectTypeOf(call.call(1)).toEqualTypeOf<Promise<never>>()
  })

  it('S24 S25 ResultOf tells the same of a return type', () => {
    expectTypeOf<ResultOf<Promise<User[]>>>().toEqualTypeOf<User>()
    expectTypeOf<ResultOf<User[] | null>>().toEqualTypeOf<User | null>()
    expectTypeOf<ResultOf<Promise<void>>>().toEqualTypeOf<null>()
    expectTypeOf<ResultOf<any>>().toEqualTypeOf<any>()
    expectTypeOf<ResultOf<Promise<string>>>().toEqualTypeOf<never>()
    expectTypeOf<ResultOf<AsyncIterable<User | Error>>>().toEqualTypeOf<User>()
  })
})

declare const usersByText: (ids: readonly string[]) => Promise<User[]>

describe('the helpers keep the type', () => {
  it('S34 keyed gives a row or null', () => {
    const call = new AsyncBulkCall(keyed(usersOf, user => user.id))
    expectTypeOf(call).toEqualTypeOf<AsyncBulkCall<number, User | null>>()
    const loader = new BulkLoader(keyed(usersOf, user => user.id))
    expectTypeOf(loader.load(1)).toEqualTypeOf<Promise<User | null>>()
  })

  it('S34 keyed takes keys of tasks that are objects', () => {
    const byEmail = keyed(
      async (_tasks: readonly { email: string }[]) => users,
      user => user.email,
      task => task.email,
    )
    expectTypeOf(new AsyncBulkCall(byEmail).call({ email: 'a' })).toEqualTypeOf<Promise<User | null>>()
    // @ts-expect-error: a row is found by a string, a task by a number
    keyed(async (_tasks: readonly { id: number }[]) => users, user => user.email, task => task.id) // prettier-ignore
  })

  it('S35 grouped gives rows', () => {
    const call = new AsyncBulkCall(grouped(postsOf, post => post.authorId))
    expectTypeOf(call).toEqualTypeOf<AsyncBulkCall<number, Post[]>>()
    const loader = new BulkLoader(grouped(postsOf, post => post.authorId))
    expectTypeOf(loader.load(1)).toEqualTypeOf<Promise<Post[]>>()
  })

  it('S92 keyed and grouped must be given a `keyOfTask` where the key of a row is not a task', () => {
    // @ts-expect-error: a row is found by a number, and the task is a text
    keyed(usersByText, user => user.id)
    // @ts-expect-error
    grouped(usersByText, user => user.id)
    // @ts-expect-error: a row is found by a text, and the task is a number
    keyed(usersOf, user => user.email)
    // @ts-expect-error: as PostgreSQL gives a bigint
    keyed(async (_ids: bigint[]) => users, user => user.email) // prettier-ignore
    // @ts-expect-error: the task has the key, and is not the key
    grouped(async (_tasks: { id: number }[]) => users, user => user.id) // prettier-ignore
    // @ts-expect-error: some tasks could be found, and not all
    keyed(async (_ids: (number | string)[]) => users, user => user.id as number | bigint) // prettier-ignore

    const given = new AsyncBulkCall(keyed(usersByText, user => user.id, Number))
    expectTypeOf(given).toEqualTypeOf<AsyncBulkCall<string, User | null>>()
    const converted = new AsyncBulkCall(grouped(usersByText, user => String(user.id)))
    expectTypeOf(converted).toEqualTypeOf<AsyncBulkCall<string, User[]>>()
  })

  it('S92 keyed and grouped need no `keyOfTask` where a key may be a task', () => {
    type Id = number & { readonly brand: 'user' }
    interface Message {
      readonly to: number | null
      readonly kind: 'note' | 'order'
    }
    const messages: Message[] = []
    // A nullable foreign key, a part of a union, a nullable task, a brand on either side, and what has no type.
    const commands = [
      grouped(async (_ids: number[]) => messages, message => message.to), // prettier-ignore
      grouped(async (_kinds: string[]) => messages, message => message.kind), // prettier-ignore
      keyed(async (_ids: (number | null)[]) => users, user => user.id), // prettier-ignore
      keyed(async (_ids: Id[]) => users, user => user.id), // prettier-ignore
      keyed(async (_ids: number[]) => users, user => user.id as Id), // prettier-ignore
      keyed(async (_ids: number[]) => users as any[], user => user.id), // prettier-ignore
      keyed(async (_ids: any[]) => users, user => user.id), // prettier-ignore
      keyed(() => users, user => user.id), // prettier-ignore
      keyed<number, User>(usersOf, user => user.id),
      keyed<number, User, string>(usersOf, user => user.email, id => `${id}@example.com`), // prettier-ignore
    ]
    expectTypeOf(commands).items.toBeFunction()
  })

  it('S36 isolated keeps what the command gives', () => {
    const sure = new AsyncBulkCall(isolated(usersOf))
    const maybe = new AsyncBulkCall(isolated(async (_tasks: number[]) => usersById))
    const none = new AsyncBulkCall(isolated(async (_tasks: string[]) => {}))
    const row = new AsyncBulkCall(isolated(keyed(usersOf, user => user.id)))
    expectTypeOf(sure).toEqualTypeOf<AsyncBulkCall<number, User>>()
    expectTypeOf(maybe).toEqualTypeOf<AsyncBulkCall<number, User | null>>()
    expectTypeOf(none).toEqualTypeOf<AsyncBulkCall<string, null>>()
    expectTypeOf(row).toEqualTypeOf<AsyncBulkCall<number, User | null>>()
  })
})

describe('what the command gets', () => {
  it('S33 the tasks are an array of its own, which it may also declare readonly', () => {
    const own = new AsyncBulkCall((tasks: number[]) => tasks.splice(0))
    const readonlyOnes = new AsyncBulkCall((tasks: readonly number[]) => tasks)
    const anyIterable = new AsyncBulkCall((tasks: Iterable<number>) => tasks)
    expectTypeOf(own).toEqualTypeOf<AsyncBulkCall<number, number>>()
    expectTypeOf(readonlyOnes).toEqualTypeOf<AsyncBulkCall<number, number>>()
    expectTypeOf(anyIterable).toEqualTypeOf<AsyncBulkCall<number, number>>()
  })

  it('S39 a context with the name of the call and a signal', () => {
    expectTypeOf<CommandContext>().toEqualTypeOf<{ readonly name: string; readonly signal: AbortSignal }>()
    const call = new AsyncBulkCall(async (ids: readonly number[], context) => {
      expectTypeOf(context).toEqualTypeOf<CommandContext>()
      return ids
    })
    expectTypeOf(call).toEqualTypeOf<AsyncBulkCall<number, number>>()
    const loader = new BulkLoader(async (ids: readonly number[], { signal, name }) => {
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      expectTypeOf(name).toEqualTypeOf<string>()
      return ids
    })
    expectTypeOf(loader).toEqualTypeOf<BulkLoader<number, number>>()
  })

  it('S1 a command may be typed by hand', () => {
    expectTypeOf(new AsyncBulkCall(writtenByHand).call(1)).toEqualTypeOf<Promise<User | null>>()
    expectTypeOf<User[]>().toExtend<Results<number, User>>()
  })

  it('S1 further arguments are bound by the caller', () => {
    const call = new AsyncBulkCall((ids: readonly number[]) => find('users', ids))
    expectTypeOf(call.call(1)).toEqualTypeOf<Promise<User>>()
    const bound = new AsyncBulkCall(find.bind(null, 'users'))
    expectTypeOf(bound.call(1)).toEqualTypeOf<Promise<User>>()
  })
})

describe('what does not compile', () => {
  const call = new AsyncBulkCall(async (_tasks: readonly number[]) => users)
  const loader = new BulkLoader(async (_tasks: readonly number[]) => users)

  it('S7 a task of another type', () => {
    // @ts-expect-error: a string is no number
    void call.call('1')
    // @ts-expect-error: a call has a task
    void call.call()
    // @ts-expect-error: strings are no numbers
    void call.callMany(['1'])
    // @ts-expect-error: one task is no list of tasks
    void call.callMany(1)
    expectTypeOf<Parameters<typeof call.call>[0]>().toEqualTypeOf<number>()
  })

  it('S300 a Map with other keys than the tasks', () => {
    const byText = async (_ids: number[]) => new Map<string, User>()
    // @ts-expect-error: strings are no numbers
    void new BulkLoader(byText)
    // @ts-expect-error: strings are no numbers, though a Map is a list of its entries
    void new BulkLoader<number, User>(byText)
    // @ts-expect-error: strings are no numbers
    void new AsyncBulkCall(byText)
    // @ts-expect-error: strings are no numbers
    void new SharedLoader(byText)
    // @ts-expect-error: strings are no numbers
    void bulkLoaderFactory<number>()(byText)

    type UserId = number & { readonly brand: 'user' }
    const wider = new BulkLoader(async (_ids: number[]) => new Map<number | string, User>())
    const narrower = new BulkLoader(async (_ids: number[]) => new Map<UserId, User>())
    const branded = new BulkLoader(async (_ids: UserId[]) => usersById)
    expectTypeOf(wider).toEqualTypeOf<BulkLoader<number, User | null>>()
    expectTypeOf(narrower).toEqualTypeOf<BulkLoader<number, User | null>>()
    expectTypeOf(branded).toEqualTypeOf<BulkLoader<UserId, User | null>>()
  })

  it('S52 a key of another type', () => {
    // @ts-expect-error: a string is no number
    void loader.load('1')
    // @ts-expect-error: null is no key
    void loader.load(null)
    // @ts-expect-error: strings are no numbers
    void loader.loadMany(['1'])
    // @ts-expect-error: a string is no number
    loader.clear('1')
    // @ts-expect-error: a string is no number
    loader.prime('1', users[0]!)
    // @ts-expect-error: a string is no user
    loader.prime(1, 'user')
    expectTypeOf<Parameters<typeof loader.load>[0]>().toEqualTypeOf<number>()
  })

  it('S48 an option with an unknown name', () => {
    // @ts-expect-error: size is misspelt
    void new AsyncBulkCall(usersOf, { siez: 1 })
    // @ts-expect-error: dataloader calls it maxBatchSize, here it is size
    void new BulkLoader(usersOf, { maxBatchSize: 1 })
    // @ts-expect-error: a call has no cache
    void new AsyncBulkCall(usersOf, { cache: false })
    // @ts-expect-error: maxCalls is misspelt
    isolated(usersOf, { maxcalls: 1 })
    expectTypeOf<'siez'>().not.toExtend<keyof BulkLoaderOptions<number, User>>()
  })

  it('S48 an option of another type', () => {
    // @ts-expect-error: a number, not a word for it
    void new AsyncBulkCall(usersOf, { size: '10' })
    // @ts-expect-error: no limit for a delay is Infinity
    void new AsyncBulkCall(usersOf, { delay: null })
    // @ts-expect-error: no limit for a size is Infinity
    void new AsyncBulkCall(usersOf, { size: null })
    // @ts-expect-error: a limiter has acquire and leave
    void new AsyncBulkCall(usersOf, { concurrent: {} })
    // @ts-expect-error: a scope is made with new BulkScope()
    void new AsyncBulkCall(usersOf, { scope: {} })
    // @ts-expect-error: cache is true or false
    void new BulkLoader(usersOf, { cache: 'no' })
    // @ts-expect-error: the keys are numbers
    void new BulkLoader(usersOf, { cacheKeyFn: (key: string) => key })
    // @ts-expect-error: a cache map has get, set, delete and clear
    void new BulkLoader(usersOf, { cacheMap: { get: () => undefined } })
    // @ts-expect-error: the answers are users
    void new BulkLoader(usersOf, { cacheMap: new Map<number, Promise<Post>>() })
    expectTypeOf<BulkCallOptions['size']>().toEqualTypeOf<number | undefined>()
  })

  it('S32 a command whose result holds no results', () => {
    // @ts-expect-error: a number
    void new AsyncBulkCall(async (_tasks: number[]) => 1)
    // @ts-expect-error: a plain object
    void new AsyncBulkCall(async (_tasks: number[]) => ({ a: users }))
    // @ts-expect-error: the same for a loader
    void new BulkLoader(async (_tasks: number[]) => true)
    expectTypeOf<number>().not.toExtend<Results<number, User>>()
    expectTypeOf<{ a: User[] }>().not.toExtend<Results<number, User>>()
  })

  it('S25 a command whose result is a string', () => {
    // @ts-expect-error: a string is no list of results
    void new AsyncBulkCall(async (_tasks: number[]) => 'abc')
    // @ts-expect-error: the same for a loader
    void new BulkLoader((_tasks: number[]) => 'abc')
    // @ts-expect-error: and for what wraps a command
    isolated((_tasks: number[]) => 'abc')
    expectTypeOf<string>().not.toExtend<Results<number, string>>()
  })
})

describe('what the options take', () => {
  it('S48 each option may be left out, undefined, or of its type', () => {
    const options: BulkCallOptions = {
      size: 10,
      delay: Infinity,
      concurrent: null,
      maxPending: undefined,
      timeout: 100,
      name: 'users',
      scope: new BulkScope(),
    }
    const limiter: Limiter = semaphore(2)
    expectTypeOf(new AsyncBulkCall(usersOf, options)).toEqualTypeOf<AsyncBulkCall<number, User>>()
    expectTypeOf(new AsyncBulkCall(usersOf, { concurrent: limiter })).toEqualTypeOf<
      AsyncBulkCall<number, User>
    >()
    expectTypeOf(new BulkLoader(usersOf, { ...options, cache: false })).toEqualTypeOf<
      BulkLoader<number, User>
    >()
  })

  it('S52 cacheKeyFn gets the key and tells the type of what the cache compares', () => {
    interface Place {
      readonly city: string
      readonly street: string
    }
    const loader = new BulkLoader(async (places: readonly Place[]) => places.map(() => users), {
      cacheKeyFn: place => {
        expectTypeOf(place).toEqualTypeOf<Place>()
        return `${place.city}/${place.street}`
      },
    })
    expectTypeOf(loader).toEqualTypeOf<BulkLoader<Place, User[], string>>()
    expectTypeOf<Parameters<typeof loader.load>[0]>().toEqualTypeOf<Place>()
    // @ts-expect-error: the cache is asked for strings, and would hold numbers
    void new BulkLoader(usersOf, { cacheKeyFn: textOf, cacheMap: new Map<number, Promise<User>>() })
  })

  it('S52 a Map of promises, and any store with its four methods, is a cacheMap', () => {
    const store: CacheMap<string, Promise<User>> = {
      get: () => undefined,
      set: () => true,
      delete: () => {},
      clear: () => {},
    }
    expectTypeOf(new BulkLoader(usersOf, { cacheMap: store, cacheKeyFn: textOf })).toEqualTypeOf<
      BulkLoader<number, User, string>
    >()
    expectTypeOf(new BulkLoader(usersOf, { cacheMap: new Map<number, Promise<User>>() })).toEqualTypeOf<
      BulkLoader<number, User>
    >()
    expectTypeOf(new BulkLoader(usersOf, { cacheMap: null })).toEqualTypeOf<BulkLoader<number, User>>()
  })

  it('S141 with nullKeys null is a key, and among the values', () => {
    const orNull = new BulkLoader(usersOf, { nullKeys: 'null' })
    expectTypeOf(orNull).toEqualTypeOf<BulkLoader<number | null, User | null>>()
    expectTypeOf<Parameters<typeof orNull.load>[0]>().toEqualTypeOf<number | null>()
    // @ts-expect-error: a misspelt property is none
    void orNull.load(undefined)
    const strict = new BulkLoader(usersOf, { nullKeys: 'error' })
    expectTypeOf(strict).toEqualTypeOf<BulkLoader<number, User>>()
    // @ts-expect-error: it is an error
    void strict.load(null)
    // @ts-expect-error: it is one of two words
    void new BulkLoader(usersOf, { nullKeys: 'nothing' })
    expectTypeOf(new SharedLoader(usersOf).loader({ nullKeys: 'null' })).toEqualTypeOf<
      BulkLoader<number | null, User | null>
    >()
    const makeLoader = bulkLoaderFactory<number, number, 'null'>({ nullKeys: 'null' })
    expectTypeOf(makeLoader(usersOf)).toExtend<BulkLoader<number | null, User | null>>()
  })

  it('S53 cacheErrors is told each Error', () => {
    void new BulkLoader(usersOf, {
      cacheErrors: error => {
        expectTypeOf(error).toEqualTypeOf<Error>()
        return error.name === 'NotFound'
      },
    })
    expectTypeOf<BulkLoaderOptions<number, User>['cacheErrors']>().toEqualTypeOf<
      boolean | ((error: Error) => boolean) | undefined
    >()
  })
})

describe('types written by hand', () => {
  it('S24 type arguments of a call: the task and its result', () => {
    const call = new AsyncBulkCall<number, User | null>(async ids => ids.map(id => users[id] ?? null))
    expectTypeOf(call).toEqualTypeOf<AsyncBulkCall<number, User | null>>()
    const none = new AsyncBulkCall<string, null>(async paths => void paths.length)
    expectTypeOf(none).toEqualTypeOf<AsyncBulkCall<string, null>>()
    const words = new AsyncBulkCall<string, string>(tasks => tasks.map(task => task.trim()))
    expectTypeOf(words).toEqualTypeOf<AsyncBulkCall<string, string>>()
    const withErrors = new AsyncBulkCall<number, User>(async ids =>
      ids.map(id => users[id] ?? new Error('no')),
    )
    expectTypeOf(withErrors).toEqualTypeOf<AsyncBulkCall<number, User>>()
    // @ts-expect-error: the command gives posts
    void new AsyncBulkCall<number, User>(async ids => postsOf(ids))
  })

  it('S25 type arguments of results that are lists themselves', () => {
    const posts = new AsyncBulkCall<number, Post[]>(async ids => ids.map(() => []))
    expectTypeOf(posts).toEqualTypeOf<AsyncBulkCall<number, Post[]>>()
    const objects = new AsyncBulkCall<number, object[]>(ids => ids.map(() => [{}]))
    expectTypeOf(objects).toEqualTypeOf<AsyncBulkCall<number, object[]>>()
    const unknowns = new BulkLoader<number, unknown[]>(ids => ids.map(() => [1]))
    expectTypeOf(unknowns).toEqualTypeOf<BulkLoader<number, unknown[]>>()
  })

  it('S52 type arguments of a loader: key, value and what the cache compares', () => {
    const loader = new BulkLoader<number, User | null>(async ids => ids.map(id => users[id] ?? null))
    expectTypeOf(loader).toEqualTypeOf<BulkLoader<number, User | null>>()
    const posts = new BulkLoader<number, Post[]>(async ids => ids.map(() => []))
    expectTypeOf(posts).toEqualTypeOf<BulkLoader<number, Post[]>>()
    const byText = new BulkLoader<{ id: number }, User, string>(
      async keys => keys.map(key => users[key.id]!),
      {
        cacheKeyFn: key => String(key.id),
      },
    )
    expectTypeOf(byText).toEqualTypeOf<BulkLoader<{ id: number }, User, string>>()
  })

  it('S52 fields', () => {
    class Loaders {
      users: BulkLoader<number, User | null> = new BulkLoader(keyed(usersOf, user => user.id))
      posts: BulkLoader<number, Post[]> = new BulkLoader(grouped(postsOf, post => post.authorId))
      remove: AsyncBulkCall<string, null> = new AsyncBulkCall(async (_tasks: readonly string[]) => {})
      // What always finds a user may stand where null is reckoned with.
      sure: BulkLoader<number, User | null> = new BulkLoader(usersOf)
    }
    expectTypeOf<Loaded<Loaders['users']>>().toEqualTypeOf<User | null>()
    expectTypeOf<Loaded<Loaders['posts']>>().toEqualTypeOf<Post[]>()
    expectTypeOf<Given<Loaders['remove']>>().toEqualTypeOf<null>()
    const broken = {
      // @ts-expect-error: a user may be missing
      users: new BulkLoader(keyed(usersOf, user => user.id)) satisfies BulkLoader<number, User>,
    }
    void broken
  })

  it('S52 a field need not say what the cache compares', () => {
    interface Key {
      readonly id: number
    }
    class Loaders {
      users: BulkLoader<Key, User> = new BulkLoader(
        async (keys: readonly Key[]) => keys.map(() => users[0]!),
        {
          cacheKeyFn: key => key.id,
        },
      )
    }
    expectTypeOf<Loaded<Loaders['users']>>().toEqualTypeOf<User>()
  })
})

describe('classes', () => {
  it('S52 a class may extend BulkLoader', () => {
    class Users extends BulkLoader<number, User> {
      constructor() {
        super(usersOf, { size: 100 })
      }
      async emailOf(id: number): Promise<string> {
        return (await this.load(id)).email
      }
    }
    expectTypeOf<Users>().toExtend<BulkLoader<number, User>>()
    expectTypeOf(new Users().load(1)).toEqualTypeOf<Promise<User>>()
    expectTypeOf(new Users().prime(1, users[0]!).clear(1).clearAll()).toEqualTypeOf<Users>()
  })

  it('S52 a generic class may extend BulkLoader', () => {
    class Named<K extends string, V, C> extends BulkLoader<K, V | null, C> {
      constructor(command: LoaderCommand<K, V | null>, cacheKeyFn: (key: K) => C) {
        super(command, { cacheKeyFn })
      }
    }
    expectTypeOf(new Named(async (keys: 'a'[]) => keys.map(() => 1), key => key.length).load('a')).toEqualTypeOf<
      Promise<number | null>
    >() // prettier-ignore
  })

  it('S1 a class may extend AsyncBulkCall', () => {
    class Remove extends AsyncBulkCall<string, null> {
      constructor() {
        super(async (_tasks: readonly string[]) => {}, { size: 10 })
      }
    }
    expectTypeOf(new Remove().call('a')).toEqualTypeOf<Promise<null>>()
    expectTypeOf<Remove>().toExtend<AsyncBulkCall<string, null>>()
  })

  it('S42 both can be disposed of', () => {
    expectTypeOf<AsyncBulkCall<number, User>>().toExtend<AsyncDisposable>()
    expectTypeOf<BulkLoader<number, User>>().toExtend<AsyncDisposable>()
    expectTypeOf<AsyncBulkCall<number, User>[typeof Symbol.asyncDispose]>().toEqualTypeOf<
      () => Promise<void>
    >()
  })
})

describe('the methods of a loader', () => {
  const loader = new BulkLoader(usersOf)

  it('S58 loadMany takes any iterable and gives values or Errors', () => {
    expectTypeOf(loader.loadMany([1])).toEqualTypeOf<Promise<(User | Error)[]>>()
    expectTypeOf(loader.loadMany(new Set([1]))).toEqualTypeOf<Promise<(User | Error)[]>>()
    expectTypeOf(loader.loadMany([1] as const)).toEqualTypeOf<Promise<(User | Error)[]>>()
  })

  it('S55 prime takes a value, a promise of it or an Error', () => {
    loader.prime(1, users[0]!)
    loader.prime(1, Promise.resolve(users[0]!))
    loader.prime(1, new Error('gone'))
    // @ts-expect-error: the command always finds a user
    loader.prime(1, null)
    expectTypeOf<Parameters<typeof loader.prime>>().toEqualTypeOf<
      [key: number, value: User | PromiseLike<User> | Error]
    >()
  })

  it('S37 a call may bring its signal', () => {
    const call = new AsyncBulkCall(usersOf)
    const { signal } = new AbortController()
    expectTypeOf(call.call(1, { signal })).toEqualTypeOf<Promise<User>>()
    expectTypeOf(call.callMany([1], { signal })).toEqualTypeOf<Promise<(User | Error)[]>>()
    // @ts-expect-error: the signal, not its controller
    void call.call(1, { signal: new AbortController() })
  })

  it('S41 S42 flush and close resolve with nothing, and the counters are numbers', () => {
    expectTypeOf(loader.flush()).toEqualTypeOf<Promise<void>>()
    expectTypeOf(loader.close()).toEqualTypeOf<Promise<void>>()
    expectTypeOf(loader.pending).toEqualTypeOf<number>()
    expectTypeOf(loader.inFlight).toEqualTypeOf<number>()
    expectTypeOf(loader.name).toEqualTypeOf<string>()
    // @ts-expect-error: it counts by itself
    loader.pending = 1
  })
})
