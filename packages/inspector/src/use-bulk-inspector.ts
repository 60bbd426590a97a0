/**
 * `useBulkInspector`: the plugin. It serves the page, and tells the recorder which bulks are whose.
 * @module
 */

import { html, policy } from '#page'
import { BulkScope, check, checkNames } from '@bulkcall/core'
import type { Plugin, YogaServer } from 'graphql-yoga'
import { Live } from './live.ts'
import { Recorder } from './recorder.ts'

/** The options of `useBulkInspector`. */
export interface BulkInspectorOptions {
  /**
   * Who may see the page: called for each request of it, and the page does not exist for those that it refuses.
   * @default everybody, but with `NODE_ENV=production` nobody, and nothing is recorded
   */
  readonly enabled?: ((request: Request) => boolean | PromiseLike<boolean>) | undefined
  /**
   * How many operations are kept: a whole number from 1.
   * @default 200
   */
  readonly operations?: number | undefined
}

/**
 * A GraphQL Yoga plugin that serves a page at `{graphqlEndpoint}/bulk`: what operations have loaded in bulk, as it
 * happens, and what they would have with other settings.
 */
export function useBulkInspector(options: BulkInspectorOptions = {}): Plugin {
  checkNames(options, ['enabled', 'operations'])
  const { enabled, operations = 200 } = options
  check('enabled', enabled === undefined || typeof enabled === 'function', 'a function', enabled)
  check(
    'operations',
    Number.isSafeInteger(operations) && operations >= 1,
    'a whole number from 1',
    operations,
  )
  // In production it costs nothing, unless someone says who may see it.
  if (enabled === undefined && globalThis.process?.env['NODE_ENV'] === 'production') return {}

  const recorder = new Recorder(operations)
  const live = new Live(recorder)
  let server: Pick<YogaServer<any, any>, 'graphqlEndpoint'>

  return {
    onYogaInit({ yoga }) {
      server = yoga
    },

    async onRequest(hook) {
      const { request, url, fetchAPI } = hook
      if (url.pathname !== `${server.graphqlEndpoint.replace(/\/$/, '')}/bulk`) return
      if (enabled !== undefined && !(await enabled(request))) return
      const { Response } = fetchAPI
      if (request.method !== 'GET') {
        hook.endResponse(new Response(null, { status: 405, headers: { allow: 'GET' } }))
        return
      }
      const accepted = request.headers.get('accept') ?? ''
      const wanted = /text\/event-stream|application\/json/.exec(accepted)?.[0] ?? 'text/html'
      if (wanted !== 'text/html' && isForeign(request)) {
        hook.endResponse(new Response(null, { status: 403 }))
        return
      }
      const headers = { ...always, 'content-type': `${wanted}; charset=utf-8` }
      if (wanted === 'text/event-stream')
        hook.endResponse(new Response(live.stream(fetchAPI.ReadableStream), { headers }))
      else if (wanted === 'application/json')
        hook.endResponse(new Response(JSON.stringify(recorder.recording), { headers }))
      else
        hook.endResponse(new Response(html, { headers: { ...headers, 'content-security-policy': policy } }))
    },

    onExecute({ args }) {
      const scope = scopeOf(args.contextValue)
      if (scope === undefined) return undefined
      const kind = kindOf(args)
      const end = recorder.begin(scope, kind)
      // One that is cancelled never gets to its end; a mutation goes on without its client.
      if (kind !== 'mutation')
        args.contextValue.request?.signal.addEventListener('abort', () => end(0), { once: true })
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
        end = scope && recorder.begin(scope, 'subscription')
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

const always = {
  'cache-control': 'no-store',
  vary: 'accept',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** Whether the page of another site asks, as browsers tell. What is recorded is for our own page alone, whatever CORS allows. */
function isForeign({ headers }: Request): boolean {
  return !['same-origin', 'none', null].includes(headers.get('sec-fetch-site'))
}

/** The scope of the operation with this context. */
function scopeOf(context: unknown): BulkScope | undefined {
  const bulk = (context as { bulk?: { [BulkScope.symbol]?: BulkScope } } | null | undefined)?.bulk
  return bulk?.[BulkScope.symbol]
}

interface Executed {
  readonly document: { readonly definitions: readonly { kind: string; operation?: string; name?: unknown }[] }
  readonly operationName?: string | null
}

function kindOf({ document, operationName }: Executed): string | null {
  const definition = document.definitions.find(
    ({ operation, name }) =>
      operation !== undefined &&
      (!operationName || (name as { value?: string } | undefined)?.value === operationName),
  )
  return definition?.operation ?? null
}

interface Result {
  readonly errors?: readonly unknown[] | null
  readonly incremental?: readonly Result[] | null
  readonly completed?: readonly Result[] | null
}

/** How many errors a result has, or one part of a result that comes in parts. */
function errorsIn(result: unknown): number {
  const { errors, incremental, completed } = (result ?? {}) as Result
  const parts = [...(incremental ?? []), ...(completed ?? [])]
  return parts.reduce((sum, part) => sum + errorsIn(part), errors?.length ?? 0)
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
