/**
 * The definitions: checked and completed once per server, so that a request makes its loaders without a second look.
 * @module
 */

import {
  bulkLoaderFactory,
  BulkOptionError,
  BulkScope,
  semaphore,
  SharedLoader,
  type BulkCallOptions,
  type BulkLoaderFactory,
  type BulkLoaderOptions,
  type Limiter,
  type NullKeys,
} from '@bulkcall/core'
import { check, checkNames, isWorker } from '@bulkcall/core/kit'
import { both } from './limits.ts'
import { Plans } from './plan.ts'
import type { BulkCommand, BulkDefinition, BulkDefinitions, BulkOptions, BulkSettings } from './types.ts'

/** A loader, ready to be made for an operation. */
export interface PreparedLoader {
  readonly property: string
  readonly command: BulkCommand
  readonly options: BulkLoaderOptions<any, any, any, NullKeys>
  /** Makes a loader with these options, which are checked. */
  readonly make: BulkLoaderFactory<any, any, NullKeys>
  /** The same for loaders that keep no answers. */
  readonly makeForgetful: BulkLoaderFactory<any, any, NullKeys>
  /** Its bulks, and whose keys may be in one of them, where they are shared; else `null`. */
  readonly shared: {
    readonly loader: SharedLoader<any, any, any>
    /** `null` where all operations share them. */
    readonly partitionOf: ((context: unknown) => unknown) | null
  } | null
}

/**
 * The upper bound of a window, in ms, where none is said. The window closes itself when the operation is quiet, so this
 * bounds only what waiting may cost where it cannot tell; `npm run bench:windows` compares it with others.
 */
const defaultDelay = 5

const settings = ['size', 'delay', 'maxPending', 'timeout', 'cache', 'cacheErrors', 'concurrent'] as const
const definitionOptions = [
  'command',
  ...settings,
  'name',
  'cacheKeyFn',
  'nullKeys',
  'shared',
  'clone',
] as const

const whereNone = ' in a worker of Cloudflare, where no request may wait for another'

/** What all operations of a server share. */
export interface PreparedServer {
  /** The name of the loaders in the context. */
  readonly as: string
  /** What earlier operations have shown, and what follows from it for each document. */
  readonly plans: Plans
  readonly loaders: readonly PreparedLoader[]
  /** The types beside `Mutation` whose fields write, where they are named. */
  readonly mutations: readonly string[] | undefined
  /** What all operations are parts of, where they share bulks. */
  readonly scope: BulkScope | undefined
  /** Whether the results of a request tell what has been loaded. */
  tells(this: void, request: Request | undefined): boolean
  /** The settings of a field that is batched without a loader, where it says nothing. */
  readonly fieldDefaults: BulkCallOptions
  /** The limit of such a field, within the limit of all. */
  limitOf(field: object, own: number | null | Limiter | undefined): Limiter | null
}

/**
 * Checks all definitions and gives each what it shares with others: the defaults, and the limit of all loaders.
 * @param more the names of the options that only this server has
 */
export function prepare(
  definitions: BulkDefinitions,
  options: BulkOptions<string> & { readonly extensions?: boolean | PreparedServer['tells'] | undefined },
  more: readonly string[] = [],
): PreparedServer {
  checkNames(definitions, Object.keys(definitions ?? {}))
  checkNames(options, [...settings, 'as', 'mutations', ...more])
  const { as = 'bulk', mutations, concurrent, extensions = false, ...defaults } = given(options)
  check(
    'extensions',
    ['boolean', 'function'].includes(typeof extensions),
    'true, false or a function',
    extensions,
  )
  const areNames = Array.isArray(mutations) && mutations.every(name => typeof name === 'string')
  check('mutations', mutations === undefined || areNames, 'a list of names of types', mutations)
  check('as', typeof as === 'string' && as !== '', 'a name', as)
  const overall = limiterOf(concurrent)
  const scope = new BulkScope()
  // Checked by themselves: there may be no loader.
  bulkLoaderFactory(defaults)
  const loaders = Object.entries(definitions).map(([property, defined]) => {
    const definition = typeof defined === 'function' ? { command: defined } : defined
    return named(property, () => prepareOne(property, definition, defaults, overall, scope))
  })
  const fields = new WeakMap<object, Limiter | null>()
  const { cache: _cache, cacheErrors: _cacheErrors, ...fieldDefaults } = { delay: defaultDelay, ...defaults }
  return {
    as,
    mutations,
    plans: new Plans(),
    loaders,
    scope: loaders.some(({ shared }) => shared !== null) ? scope : undefined,
    fieldDefaults,
    tells: typeof extensions === 'function' ? extensions : () => extensions,
    limitOf(field, own) {
      let limit = fields.get(field)
      if (limit === undefined) fields.set(field, (limit = both(limiterOf(own), overall)))
      return limit
    },
  }
}

function prepareOne(
  property: string,
  definition: BulkDefinition,
  defaults: BulkSettings,
  overall: Limiter | null,
  scope: BulkScope,
): PreparedLoader {
  checkNames(definition, definitionOptions)
  const { concurrent, shared = false, clone, command: asDefined, ...own } = given(definition)
  const command = asDefined as BulkCommand
  check('shared', ['boolean', 'function'].includes(typeof shared), 'true, false or a function', shared)
  check('clone', clone === undefined || shared !== false, 'of a loader that is shared', clone)
  if (isWorker) check('shared', shared === false, `false${whereNone}`, shared)
  const options = {
    delay: defaultDelay,
    name: property,
    ...defaults,
    ...own,
    concurrent: both(limiterOf(concurrent), overall),
  }
  const make = bulkLoaderFactory<any, any, NullKeys>(options)
  // One is made now, so that a mistake is found when the server starts.
  void make(command as never)
  const makeForgetful = bulkLoaderFactory<any, any, NullKeys>({ ...options, cache: false })
  if (shared === false) return { property, command, options, make, makeForgetful, shared: null }
  const { cache, cacheErrors, nullKeys, ...bulks } = options
  return {
    property,
    command,
    options: given({ cache, cacheErrors, nullKeys }),
    make,
    makeForgetful,
    shared: {
      loader: new SharedLoader<any, any, any>(command as never, { ...bulks, clone, scope }),
      partitionOf: typeof shared === 'function' ? shared : null,
    },
  }
}

/** Only what is really given: an option that is undefined must not take the default's place. */
export function given<O extends object>(options: O): O {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O
}

/** A limiter of its own for a number: a number would be one limit a request, and the pool is one for all. */
function limiterOf(concurrent: number | null | Limiter | undefined): Limiter | null {
  if (concurrent === undefined || concurrent === null) return null
  if (isWorker) throw new BulkOptionError('concurrent', `null${whereNone}`, concurrent)
  return typeof concurrent === 'object' ? concurrent : semaphore(concurrent)
}

/** Says of which loader an option is wrong. */
function named<R>(property: string, work: () => R): R {
  try {
    return work()
  } catch (error) {
    if (error instanceof BulkOptionError)
      error.message = error.message.replace('Bulkcall: ', `Bulkcall: ${property}: `)
    throw error
  }
}
