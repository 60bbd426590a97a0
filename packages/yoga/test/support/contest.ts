/**
 * A shape of resolvers, served with loaders of whichever kind, in exact virtual time.
 * @module
 */

import { defineBulk } from '@bulkcall/graphql'
import DataLoader from 'dataloader'
import { execute, lexicographicSortSchema, parse, type DocumentNode, type GraphQLSchema } from 'graphql'
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
import { vi } from 'vitest'
import { useBulk } from '../../src/index.ts'
import { dataOf, type Asked } from './ask.ts'
import { answers, loaders, typeDefs, type Context, type Loaders, type Shape } from './shapes.ts'

/** What one run of a query was like. */
export interface Run {
  /** As JSON. */
  readonly data: string
  readonly bulks: readonly Bulk[]
  /** How long it took, in ms. */
  readonly ms: number
  /** How many timers were set. */
  readonly timers: number
}

interface Bulk {
  readonly name: string
  readonly at: number
  readonly keys: readonly number[]
}

export interface Server {
  /**
   * @param query that of the shape if it does not matter
   * @param clients how many ask at once
   */
  run(query?: string, clients?: number): Promise<Run>
}

type Commands = Record<keyof Loaders, (keys: readonly number[], all: Loaders) => Promise<unknown[]>>

/** From now on time passes only while a run needs it. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
}

function serve(
  shape: Shape,
  serverOf: (schema: any, commands: Commands, isWrappedTwice: boolean) => Asked,
): Server {
  let bulks: Bulk[] = []
  const commands = Object.fromEntries(
    loaders.map(name => [
      name,
      async (keys: readonly number[], all: Loaders) => {
        bulks.push({ name, keys: [...keys], at: performance.now() })
        return answers[name](keys, all)
      },
    ]),
  ) as Commands
  const schema = createSchema<any>({
    typeDefs: [typeDefs, shape.typeDefs ?? []].flat(),
    resolvers: shape.resolvers as never,
  })
  shape.prepare?.(schema)
  const server = serverOf(schema, commands, shape.isWrappedTwice === true)
  return {
    async run(query = shape.query, clients = 1) {
      bulks = []
      const from = performance.now()
      const timers = vi.spyOn(globalThis, 'setTimeout')
      const [data, end] = await passing(async () => {
        const asked = Array.from({ length: clients }, () => dataOf(server, query))
        const [answer] = await Promise.all(asked)
        return [JSON.stringify(answer), performance.now()] as const
      })
      const run = {
        data,
        ms: end - from,
        timers: timers.mock.calls.length,
        bulks: bulks.map(bulk => ({ ...bulk, at: bulk.at - from })),
      }
      timers.mockRestore()
      return run
    },
  }
}

/** Lets virtual time pass until this has settled. */
export async function passing<R>(work: () => Promise<R>): Promise<R> {
  const state = { isOver: false }
  const result = work().finally(() => {
    state.isOver = true
  })
  result.catch(() => {})
  for (let ms = 0; !state.isOver; ms++) {
    if (ms > 1_000) throw new Error('The query has not come to an end.')
    await pass(1, () => state.isOver)
  }
  return result
}

/** Lets so many ms of virtual time pass, each after what needs no time. */
export async function pass(ms: number, isOver: () => boolean = () => false): Promise<void> {
  for (let each = 0; each < ms; each++) {
    for (let turn = 0; turn < 3 && !isOver(); turn++) await new Promise(setImmediate)
    if (!isOver()) await vi.advanceTimersByTimeAsync(1)
  }
}

/** Replaces the schema by one that is wrapped. */
function wrapping(): Plugin {
  const done = new WeakSet<object>()
  return {
    onSchemaChange({ schema, replaceSchema }) {
      if (done.has(schema)) return
      const copy = wrapped(schema)
      done.add(copy)
      replaceSchema(copy)
    },
  }
}

/** A copy of a schema whose resolvers wrap those that it had. */
function wrapped(schema: GraphQLSchema): GraphQLSchema {
  const copy = lexicographicSortSchema(schema)
  for (const type of Object.values(copy.getTypeMap())) {
    if (!('getFields' in type) || type.name.startsWith('__')) continue
    for (const field of Object.values(type.getFields())) {
      if (!('resolve' in field) || field.resolve === undefined) continue
      const { resolve } = field
      field.resolve = (...call: Parameters<typeof resolve>) => resolve(...call)
    }
  }
  return copy
}

/** With windows that close themselves. */
export function withBulk(shape: Shape, delay: number): Server {
  return serve(shape, (schema, commands, isWrappedTwice) => {
    const bulk = useBulk(definitionsOf(commands), { delay })
    const plugins = isWrappedTwice ? [bulk, wrapping()] : [bulk]
    return createYoga({ schema, plugins, logging: false, maskedErrors: false })
  })
}

function definitionsOf(commands: Commands): any {
  const entries = loaders.map(name => [
    name,
    (keys: number[], { context }: { context: Context }) => commands[name](keys, context.bulk),
  ])
  return Object.fromEntries(entries)
}

/** The same without Yoga, on a server that executes with graphql-js alone. */
export function withoutYoga(shape: Shape, delay: number): Server {
  return serve(shape, (original, commands, isWrappedTwice) => {
    const bulk = defineBulk(definitionsOf(commands), { delay })
    const schema = bulk.scopeResolvers(isWrappedTwice ? wrapped(bulk.scopeResolvers(original)) : original)
    // Parsed once, as servers do: what was learned of a document is kept with it.
    const documents = new Map<string, DocumentNode>()
    return {
      async fetch(_, request) {
        const { query } = JSON.parse(request!.body as string) as { query: string }
        const document = documents.get(query) ?? parse(query)
        documents.set(query, document)
        const result = await execute({ schema, document, contextValue: bulk.extendContext() })
        return Response.json(result)
      },
    }
  })
}

/** With DataLoaders, whose batches start at the end of the tick, or when a fixed window is over. */
export function withDataLoader(shape: Shape, delay?: number): Server {
  const options =
    delay === undefined ? {} : { batchScheduleFn: (start: () => void) => void setTimeout(start, delay) }
  return serve(shape, (schema, commands) => {
    const context = (): { bulk: Loaders } => {
      const bulk: Loaders = Object.fromEntries(
        loaders.map(name => [
          name,
          new DataLoader<number, any>(async keys => commands[name](keys, bulk), options),
        ]),
      ) as any
      return { bulk }
    }
    return createYoga({ schema, context, logging: false, maskedErrors: false })
  })
}
