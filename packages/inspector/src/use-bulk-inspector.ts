/**
 * `useBulkInspector`: the plugin. It serves the page, and tells the recorder which bulks are whose.
 * @module
 */

import { BulkOptionError, BulkScope } from '@bulkcall/core'
import { check, checkNames, isScope, isSignal, leaversOf } from '@bulkcall/core/kit'
import type { Plugin, YogaServer } from 'graphql-yoga'
import { operationOf } from './documents.ts'
import { linked, mayBeGraphiQL } from './graphiql-link.ts'
import { Live } from './live.ts'
import { pageFor } from './packed-page.ts'
import { Recorder } from './recorder.ts'
import { defaultBytes } from './shelf.ts'
import { readAllowedHosts, refusalOf } from './visitor.ts'

/** The options of `useBulkInspector`. */
export interface BulkInspectorOptions {
  /**
   * Who may see the page: called for each request of it. For requests that it refuses, the page does not exist. If it
   * throws, that is logged, and counts as a refusal. @default with `NODE_ENV=development` everybody; otherwise nobody, and
   * nothing is recorded
   */
  readonly enabled?: ((request: Request) => boolean | PromiseLike<boolean>) | undefined
  /**
   * How many operations are kept: a whole number from 1 to 10,000, as the page reads no more.
   * @default 200
   */
  readonly operations?: number | undefined
  /**
   * How much memory they may take, about, in bytes; when it is full, the oldest go. One operation may take a quarter of it,
   * and at most 8 MB; of a larger one, the bulks that do not fit are only counted. A whole number from 100,000 to
   * 100,000,000.
   * @default 32_000_000
   */
  readonly bytes?: number | undefined
  /**
   * Whether the numbers and strings in documents, and the variables, are recorded: what clients have asked for.
   * @default false
   */
  readonly values?: boolean | undefined
  /**
   * The names by which this server may be reached, besides `localhost`, `127.0.0.1` and `[::1]`: names of hosts without
   * scheme and port, such as `dev.example.com`; `.example.com` is that name and all below it.
   * @default none
   */
  readonly allowedHosts?: readonly string[] | undefined
}

/**
 * A GraphQL Yoga plugin that serves a page at `{graphqlEndpoint}/bulk`. It shows what operations load in bulk, as it
 * happens, and what other settings would do.
 */
export function useBulkInspector(options: BulkInspectorOptions = {}): Plugin {
  checkNames(options, ['enabled', 'operations', 'bytes', 'values', 'allowedHosts'])
  const { enabled, operations = 200, bytes = defaultBytes, values = false, allowedHosts = [] } = options
  check('enabled', enabled === undefined || typeof enabled === 'function', 'a function', enabled)
  check('operations', isWhole(operations, 1, 10_000), 'a whole number from 1 to 10000', operations)
  check('bytes', isWhole(bytes, 1e5, 1e8), 'a whole number from 100000 to 100000000', bytes)
  check('values', typeof values === 'boolean', 'true or false', values)
  const hosts = readAllowedHosts(allowedHosts)
  const mode = globalThis.process?.env['NODE_ENV']
  // It costs nothing, unless someone says who may see it.
  if (enabled === undefined && mode !== 'development') return mode === 'production' ? {} : closed(mode, hosts)

  const recorder = new Recorder({ keeps: operations, bytes, values })
  const live = new Live(recorder.shelf)
  let server: Server
  /** Where `enabled` throws, as a check of a token may that is none, it has not said yes. */
  const maySee = async (request: Request): Promise<boolean> => {
    try {
      return enabled === undefined || (await enabled(request))
    } catch (error) {
      server.logger.error(error)
      return false
    }
  }

  return {
    onYogaInit({ yoga }) {
      server = yoga
    },

    async onRequest(hook) {
      const { request, url, fetchAPI } = hook
      if (url.pathname !== pathOf(server) || !(await maySee(request))) return
      const { Response, ReadableStream } = fetchAPI
      if (request.method !== 'GET') {
        hook.endResponse(new Response(null, { status: 405, headers: { allow: 'GET' } }))
        return
      }
      const accepted = request.headers.get('accept') ?? ''
      const wanted = /text\/event-stream|application\/json/.exec(accepted)?.[0] ?? 'text/html'
      const refusal = refusalOf(request, url, hosts, wanted === 'text/html')
      if (refusal !== null) {
        hook.endResponse(new Response(`${refusal}\n`, { status: 403, headers: { ...plain } }))
        return
      }
      const headers = { ...always, 'content-type': `${wanted}; charset=utf-8` }
      if (wanted === 'text/event-stream')
        hook.endResponse(new Response(live.stream(ReadableStream, request.signal), { headers }))
      else if (wanted === 'application/json')
        hook.endResponse(new Response(live.snapshot(ReadableStream), { headers }))
      else {
        const { body, encoding, policy } = await pageFor(request.headers.get('accept-encoding'))
        hook.endResponse(
          new Response(body, {
            headers: { ...headers, 'content-security-policy': policy, 'content-encoding': encoding },
          }),
        )
      }
    },

    onResponse(hook) {
      const { request, response, fetchAPI } = hook
      if (!mayBeGraphiQL(request, response)) return undefined
      return linked(request, response, pathOf(server), async url => {
        const refusal = refusalOf(request, url, hosts, true)
        return refusal === null && maySee(request)
      }).then(page => {
        if (page !== null)
          hook.setResponse(new fetchAPI.Response(page, { headers: { 'content-type': 'text/html' } }))
      })
    },

    onExecute({ args }) {
      const scope = scopeOf(args.contextValue)
      if (scope === undefined) return undefined
      const kind = operationOf(args)?.operation ?? null
      // One that is cancelled never gets to its end; a mutation goes on without its client.
      const signal = kind === 'mutation' ? undefined : signalOf(args.contextValue)
      const end = endingWith(signal, recorder.begin(scope, kind, args, args.variableValues))
      return {
        onExecuteDone({ result }) {
          if (!isAsyncIterable(result)) return end(errorsIn(result))
          let errors = 0
          return {
            onNext({ result: part }) {
              errors += errorsIn(part)
            },
            onEnd: () => end(errors),
          }
        },
      }
    },

    onSubscribe({ args }) {
      // Each event has a scope of its own, which begins when the one before has been answered.
      let end: ((errors: number) => void) | undefined
      const renew = (): void => {
        const scope = scopeOf(args.contextValue)
        end = scope && recorder.begin(scope, 'subscription', args, args.variableValues)
      }
      return {
        onSubscribeResult({ result: opened }) {
          if (!isAsyncIterable(opened)) return undefined
          queueMicrotask(renew)
          return {
            onNext({ result }) {
              end?.(errorsIn(result))
              // After the hooks of all plugins: that of `useBulk`, which makes the next scope, may come after this one.
              queueMicrotask(renew)
            },
          }
        },
      }
    },

    onDispose() {
      recorder.stop()
      live.close()
    },
  }
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}

type Server = Pick<YogaServer<any, any>, 'graphqlEndpoint' | 'logger'>

function pathOf(server: Server): string {
  return `${server.graphqlEndpoint.replace(/\/$/, '')}/bulk`
}

/**
 * Where nobody has said that it may be open, nor that this is production: there is no page, and who looks for it on this
 * machine learns why.
 */
function closed(mode: string | undefined, hosts: readonly string[]): Plugin {
  let server: Server
  return {
    onYogaInit({ yoga }) {
      server = yoga
    },
    onRequest(hook) {
      const { request, url, fetchAPI } = hook
      if (url.pathname !== pathOf(server) || refusalOf(request, url, hosts, true) !== null) return
      const bound = `'development', or useBulkInspector({ enabled }) say who may see this page`
      const { message } = new BulkOptionError('NODE_ENV', bound, mode)
      hook.endResponse(new fetchAPI.Response(`${message}\n`, { status: 404, headers: { ...plain } }))
    },
  }
}

const always = {
  'cache-control': 'no-store',
  vary: 'accept, accept-encoding, host, origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}
/** Each answer has a copy: the Response of Yoga writes the length of its body into the object that it is given. */
const plain = { ...always, 'content-type': 'text/plain; charset=utf-8' }

/** Where the loaders are found if the program has given them another name than `bulk`. */
const anyName = Symbol.for('bulkcall:bulk')
type Context = Readonly<Record<PropertyKey, { readonly [BulkScope.symbol]?: unknown } | undefined>>

/** The scope of the operation with this context, which is the program's own: what it has there may be anything. */
function scopeOf(context: unknown): BulkScope | undefined {
  try {
    const { bulk, [anyName]: named = bulk } = context as Context
    const scope = named?.[BulkScope.symbol]
    return isScope(scope) ? (scope as BulkScope) : undefined
  } catch {
    return undefined
  }
}

/** The signal of the request. A request of another server may have none. */
function signalOf(context: unknown): AbortSignal | undefined {
  try {
    const { signal } = (context as { readonly request: Partial<Request> }).request
    return isSignal(signal) ? signal : undefined
  } catch {
    return undefined
  }
}

/** The end, which comes with the abort of this signal as well. The operations of an HTTP batch have one signal. */
function endingWith(
  signal: AbortSignal | undefined,
  end: (errors: number) => void,
): (errors: number) => void {
  if (signal === undefined) return end
  const leaver = { leave: () => endOnce(0) }
  const endOnce = (errors: number): void => {
    leaversOf(signal).delete(leaver)
    end(errors)
  }
  leaversOf(signal).add(leaver)
  return endOnce
}

/** How many errors a result has, or one part of a result that comes in parts. An executor or a plugin may give anything. */
function errorsIn(result: unknown): number {
  try {
    const { errors, incremental, completed } = Object(result) as Readonly<Record<string, unknown>>
    const parts = [incremental, completed].flatMap(list => (Array.isArray(list) ? (list as unknown[]) : []))
    return parts.reduce<number>(
      (sum, part) => sum + errorsIn(part),
      Array.isArray(errors) ? errors.length : 0,
    )
  } catch {
    return 0
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
