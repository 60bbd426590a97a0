/**
 * Plans: what may follow from what in a document. By themselves, and through Yoga in exact virtual time.
 */

// A helper stands beside the tests that use it.
/* oxlint-disable unicorn/consistent-function-scoping */
import {
  buildSchema,
  parse,
  type DocumentNode,
  type FieldNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Plans } from '../../graphql/src/plan.ts'
import { useBulk } from '../src/index.ts'
import { askBatch, dataOf, eventsOf, respond } from './support/ask.ts'
import { passing, stopTime } from './support/contest.ts'
import { sleep } from './support/shapes.ts'

const typeDefs = /* GraphQL */ `
  interface Node {
    id: Int
    friend: User
  }
  union Any = User | Team
  type Query {
    user(id: Int!): User
    late(id: Int!): User
    slow: User
    node: Node
    any: Any
    never: Int
  }
  type Subscription {
    ticks: Query
  }
  type User implements Node {
    id: Int
    name: String
    friend: User
    team: Team
    same: User
  }
  type Team implements Node {
    id: Int
    friend: User
    name: String
  }
`

describe('what earlier operations have shown', () => {
  beforeEach(stopTime)
  afterEach(() => void vi.useRealTimers())

  /** A server with a field that loads at once, and others that wait for 3 ms first, and load then, or do not. */
  function server() {
    let bulks: string[] = []
    let from = 0
    const begin = (): void => {
      bulks = []
      from = performance.now()
    }
    const users = (ids: number[]) => {
      bulks.push(`${ids.join()} at ${performance.now() - from}`)
      return ids.map(id => ({ __typename: 'User', id, name: `user ${id}` }))
    }
    const slow = async () => sleep(3).then(() => ({ __typename: 'User', id: 7 }))
    const yoga = createYoga({
      schema: createSchema<any>({
        typeDefs,
        resolvers: {
          Query: {
            user: (_, { id }, ctx) => ctx.bulk.users.load(id),
            late: async (_, { id }, ctx) => sleep(3).then(() => ctx.bulk.users.load(id)),
            slow,
            node: slow,
            any: slow,
            never: async () => sleep(3).then(() => 1),
          },
          Subscription: {
            ticks: {
              async *subscribe() {
                for (let tick = 0; tick < 4; tick++) {
                  begin()
                  yield { ticks: {} }
                }
              },
            },
          },
          User: {
            friend: ({ id }, _, ctx) => ctx.bulk.users.load(id + 1),
            team: ({ id }, _, ctx) => ctx.bulk.teams.load(id),
            same: user => user,
          },
          Team: { friend: ({ id }, _, ctx) => ctx.bulk.users.load(id + 1) },
        },
      }),
      plugins: [useBulk({ users, teams: (ids: number[]) => ids.map(id => ({ id })) })],
      logging: false,
      batching: true,
    })
    /** The bulks of users of one operation. */
    const ask = async (query: string): Promise<string[]> => {
      begin()
      await passing(() => dataOf(yoga, query))
      return bulks
    }
    /** The same once that has been asked a few times. */
    const learned = async (query: string): Promise<string[]> => {
      for (let run = 0; run < 3; run++) await ask(query)
      return ask(query)
    }
    /** The bulks of users of the last event of a subscription. */
    const subscribe = async (query: string): Promise<string[]> => {
      const accept = { headers: { accept: 'text/event-stream' } }
      await passing(async () => {
        for await (const { errors } of eventsOf(await respond(yoga, query, accept))) {
          expect(errors).toBeUndefined()
        }
      })
      return bulks
    }
    const batch = async (queries: readonly string[]): Promise<string[]> => {
      begin()
      await passing(async () => {
        for (const { errors } of await askBatch(yoga, queries)) expect(errors).toBeUndefined()
      })
      return bulks
    }
    return { ask, learned, subscribe, batch }
  }

  it('S85 lets a window not wait for a resolver that never loads', async () => {
    const { ask, learned } = server()
    const query = '{ user(id: 1) { name } never }'
    expect(await ask(query)).toEqual(['1 at 3'])
    expect(await learned(query)).toEqual(['1 at 0'])
  })

  it('S85 holds for other documents as well, from their first run on', async () => {
    const { ask, learned } = server()
    await learned('{ user(id: 1) { name } never }')
    expect(await ask('{ never a: user(id: 2) { id } b: user(id: 3) { id } }')).toEqual(['2,3 at 0'])
  })

  it('S85 lets it wait for a resolver that loads after an `await`', async () => {
    const { learned } = server()
    expect(await learned('{ user(id: 1) { name } late(id: 2) { name } }')).toEqual(['1,2 at 3'])
  })

  it.each([
    ['below it', '{ user(id: 1) { name } slow { friend { name } } }'],
    ['below it, and further down', '{ user(id: 1) { name } slow { same { same { friend { name } } } } }'],
    [
      'below it, in a fragment',
      '{ user(id: 1) { name } slow { ...F } } fragment F on User { ...G } fragment G on User { friend { name } }',
    ],
    ['below it, in an inline fragment', '{ user(id: 1) { name } slow { ... on User { friend { name } } } }'],
    ['below it, in one without a type', '{ user(id: 1) { name } slow { ... { friend { name } } } }'],
    ['below its second mention', '{ user(id: 1) { name } slow { id } slow { friend { name } } }'],
    ['below an alias of it', '{ user(id: 1) { name } a: slow { id } b: slow { friend { name } } }'],
    ['below it, by an interface', '{ user(id: 1) { name } node { friend { name } } }'],
    ['below it, by a union', '{ user(id: 1) { name } any { ... on Node { friend { name } } } }'],
    [
      'below it, beside an introspection',
      '{ __typename user(id: 1) { name } slow { __typename friend { name } } }',
    ],
  ])('S85 lets it wait for a resolver that leads to a load %s', async (_, query) => {
    const { learned } = server()
    expect(await learned(query)).toEqual([expect.stringMatching(/^1,8 at 3$/)])
  })

  it.each([
    ['loads of others', '{ user(id: 1) { name } slow { team { id } } }'],
    ['nothing, though it does in another place', '{ user(id: 1) { friend { name } } slow { id } }'],
    ['nothing, by a union', '{ user(id: 1) { name } any { ... on User { id } ... on Team { id } } }'],
  ])('S85 lets it not wait for a resolver that leads to %s', async (_, query) => {
    const { learned } = server()
    expect((await learned(query))[0]).toBe('1 at 0')
  })

  it('S85 is known to each event of a subscription', async () => {
    const { subscribe } = server()
    expect(await subscribe('subscription { ticks { user(id: 1) { name } never } }')).toEqual(['1 at 0'])
  })

  it('S85 is known to the operations of an HTTP batch, of which each may lead to anything', async () => {
    const { batch } = server()
    const queries = ['{ user(id: 1) { name } }', '{ late(id: 2) { name } }', '{ slow { friend { name } } }']
    expect(await batch(queries)).toEqual(['1,2,8 at 5'])
    for (let run = 0; run < 3; run++) await batch(queries)
    expect(await batch(queries)).toEqual(['1,2,8 at 3'])
  })

  it('S85 is not taken from one operation of an HTTP batch for another', async () => {
    const { batch } = server()
    const queries = ['{ user(id: 1) { name } slow { id } }', '{ slow { friend { name } } }']
    expect(await batch(queries)).toEqual(['1,8 at 3'])
    for (let run = 0; run < 4; run++) expect(await batch(queries)).toEqual(['1,8 at 3'])
  })

  it('S85 lets the operations of an HTTP batch wait for the last load, and no longer', async () => {
    const { batch } = server()
    const queries = ['{ late(id: 1) { name } }', '{ late(id: 2) { name } }']
    expect(await batch(queries)).toEqual(['1,2 at 8'])
    for (let run = 0; run < 3; run++) await batch(queries)
    expect(await batch(queries)).toEqual(['1,2 at 3'])
  })

  it('S85 is what each server knows by itself, where they share a schema', async () => {
    const schema = createSchema<any>({
      typeDefs: 'type Query { user: Int idle: Int }',
      resolvers: {
        Query: {
          user: (_, __, { bulk }) => bulk.users.load(1),
          idle: async (_, __, { bulk, loads }) => sleep(3).then(() => (loads ? bulk.users.load(2) : 2)),
        },
      },
    })
    /** The bulks of some operations of a server of its own. */
    const serve = async (loads: boolean): Promise<string[]> => {
      const bulks: string[] = []
      let from = 0
      const users = (ids: number[]) => {
        bulks.push(`${ids.join()} at ${performance.now() - from}`)
        return ids
      }
      const yoga = createYoga({
        schema,
        context: () => ({ loads }),
        plugins: [useBulk({ users })],
        logging: false,
      })
      for (let run = 0; run < 4; run++) {
        from = performance.now()
        await passing(() => dataOf(yoga, '{ user idle }'))
      }
      return bulks
    }
    const early = ['1 at 3', '1 at 3', '1 at 0', '1 at 0']
    expect(await serve(false)).toEqual(early)
    expect(await serve(true)).toEqual(['1,2 at 5', '1,2 at 5', '1,2 at 3', '1,2 at 3'])
    expect(await serve(false)).toEqual(early)
  })

  it('S85 lets a window wait where a resolver has never run', async () => {
    const { ask, learned } = server()
    await learned('{ user(id: 1) { name } slow { id } }')
    // Nobody has seen yet what a friend of a user loads.
    expect(await ask('{ user(id: 1) { name } slow { friend { name } } }')).toEqual(['1,8 at 3'])
  })
})

const schema = buildSchema(typeDefs)

describe('what follows from the result of a resolver', () => {
  function planOf(query: string, of = schema) {
    const plans = new Plans()
    const document = parse(query)
    const plan = plans.of(of, document, document.definitions[0] as OperationDefinitionNode)
    return { plans, leadsTo: (name: string) => plan.leadsTo(plans.evidenceOf(name), 'users') }
  }

  it('S85 is anything, where the resolver is in no place of the document', () => {
    expect(planOf('{ slow { id } }').leadsTo('Other.field')).toBe(true)
  })

  it('S85 is looked into again when there are more resolvers', () => {
    const { plans, leadsTo } = planOf('{ slow { friend { id } } }')
    expect(leadsTo('Query.slow')).toBe(false)
    plans.expect('User.friend')
    expect(leadsTo('Query.slow')).toBe(true)
  })

  it.each([
    ['an interface', '{ node { id } }', 'Query.node', 'Node.__resolveType'],
    ['a union', '{ any { __typename } }', 'Query.any', 'Any.__resolveType'],
    ['an object', '{ slow { id } }', 'Query.slow', 'User.__isTypeOf'],
    ['a possible object', '{ any { __typename } }', 'Query.any', 'Team.__isTypeOf'],
  ])('S85 is that the type of %s is resolved, and then what is below it', (_, query, field, type) => {
    const { plans, leadsTo } = planOf(query)
    expect(leadsTo(field)).toBe(false)
    plans.expect(type)
    expect(leadsTo(field)).toBe(true)
    expect(leadsTo(type)).toBe(false)
  })

  it('S85 is what is below the entities, for a reference of federation', () => {
    const federated = buildSchema(`${typeDefs} extend type Query { _entities: [Any] }`)
    const { plans, leadsTo } = planOf('{ _entities { ... on User { friend { id } } } }', federated)
    expect(leadsTo('User.__resolveReference')).toBe(false)
    plans.expect('User.friend')
    expect(leadsTo('User.__resolveReference')).toBe(true)
  })
})

const times = (count: number, make: (place: number) => string): string =>
  Array.from({ length: count }, (_, place) => make(place)).join(' ')

const field = (name: string, below?: SelectionSetNode): FieldNode => ({
  kind: 'Field' as never,
  name: { kind: 'Name' as never, value: name },
  ...(below && { selectionSet: below }),
})

/** A document that is as deep as no parser would make it. */
function deep(depth: number): DocumentNode {
  const document = parse('{ slow { friend { id } } }')
  let below: SelectionSetNode = { kind: 'SelectionSet' as never, selections: [field('friend')] }
  for (let level = 0; level < depth; level++) {
    below = { kind: 'SelectionSet' as never, selections: [field('same', below)] }
  }
  const operation = document.definitions[0] as OperationDefinitionNode
  const selectionSet = { kind: 'SelectionSet' as never, selections: [field('slow', below)] }
  return { ...document, definitions: [{ ...operation, selectionSet }] }
}

describe('the price of a plan', () => {
  /** How many steps it takes to know what follows from a field, where nobody knows anything of it. */
  function stepsOf(document: DocumentNode): number {
    const plans = new Plans()
    plans.expect('User.friend')
    const plan = plans.of(schema, document, document.definitions[0] as OperationDefinitionNode)
    const found = vi.spyOn(Map.prototype, 'get')
    const linked = vi.spyOn(Set.prototype, 'add')
    const leads = plan.leadsTo(plans.evidenceOf('Query.slow'), 'users')
    const steps = found.mock.calls.length + linked.mock.calls.length
    found.mockRestore()
    linked.mockRestore()
    expect(leads).toBe(true)
    return steps
  }

  it.each<[string, (size: number) => DocumentNode]>([
    ['aliases', size => parse(`{ ${times(size, i => `a${i}: slow { id friend { name } }`)} }`)],
    [
      'aliases within aliases',
      size => parse(`{ slow { ${times(size, i => `a${i}: same { b${i}: friend { id } }`)} } }`),
    ],
    [
      'fragments that spread one another, in a chain',
      size =>
        parse(
          `{ slow { ...F0 } } ${times(size, i => `fragment F${i} on User { id ...F${i + 1} }`)} fragment F${size} on User { friend { id } }`,
        ),
    ],
    [
      'fragments that are spread in many places',
      size =>
        parse(
          `{ ${times(size, i => `a${i}: slow { ...F }`)} } fragment F on User { ${times(size, i => `b${i}: friend { id }`)} }`,
        ),
    ],
    ['depth', deep],
  ])('S95 is linear in the document, and no more, in %s', (_, documentOf) => {
    const [few, many] = [stepsOf(documentOf(500)), stepsOf(documentOf(2_000))]
    expect(many).toBeLessThan(4.5 * few)
    expect(many).toBeLessThan(60_000)
  })

  /** How many entries collections have got by it. */
  function entriesOf(document: DocumentNode): number {
    let entries = 0
    for (const [of, name] of [
      [Map.prototype, 'set'],
      [Set.prototype, 'add'],
    ] as const) {
      const original = Reflect.get(of, name) as (...values: unknown[]) => unknown
      vi.spyOn(of as any, name).mockImplementation(function counted(this: any, ...values: unknown[]) {
        const before = this.size
        const result = original.apply(this, values)
        if (this.size !== before) entries++
        return result
      })
    }
    const plans = new Plans()
    plans.expect('User.friend')
    const plan = plans.of(schema, document, document.definitions[0] as OperationDefinitionNode)
    plan.leadsTo(plans.evidenceOf('Query.slow'), 'users')
    vi.restoreAllMocks()
    return entries
  }

  it('S161 leaves the same, however many fields and aliases the document has, and however deep it is', () => {
    const documents = [
      (size: number) => parse(`{ ${times(size, i => `a${i}: slow { b${i}: friend { id } }`)} }`),
      (size: number) =>
        parse(`{ ${times(size, i => `a${i}: node { ... on User { b${i}: friend { id } } }`)} }`),
      (size: number) =>
        parse(
          `{ ${times(size, i => `a${i}: slow { ...F }`)} } fragment F on User { ${times(size, i => `b${i}: friend { id }`)} }`,
        ),
      deep,
    ]
    for (const documentOf of documents) {
      const entries = entriesOf(documentOf(5))
      expect(entries).toBeGreaterThan(5)
      expect(entriesOf(documentOf(500))).toBe(entries)
    }
  })

  it('S161 leaves so much for each fragment, and no more', () => {
    const documentOf = (size: number): DocumentNode =>
      parse(
        `{ slow { ...F0 } } ${times(size, i => `fragment F${i} on User { ${times(size, j => `a${j}: friend { id }`)} ...F${i + 1} }`)} fragment F${size} on User { friend { id } }`,
      )
    const [few, many, most] = [10, 20, 30].map(size => entriesOf(documentOf(size)))
    expect(many! - few!).toBe(most! - many!)
  })

  it('S95 comes to an end where fragments go in circles, in a document that was not validated', () => {
    const document = parse(
      '{ slow { ...F ...Nowhere } } fragment F on User { ...G } fragment G on User { ...F friend { id } }',
    )
    expect(stepsOf(document)).toBeLessThan(200)
  })

  it('S86 keeps one plan for an operation of a document, and another for each other one', () => {
    const plans = new Plans()
    const document = parse('query A { slow { id } } query B { slow { friend { id } } }')
    const [a, b] = document.definitions as OperationDefinitionNode[]
    expect(plans.of(schema, document, a!)).toBe(plans.of(schema, document, a!))
    plans.expect('User.friend')
    const slow = plans.evidenceOf('Query.slow')
    expect(plans.of(schema, document, a!).leadsTo(slow, 'users')).toBe(false)
    expect(plans.of(schema, document, b!).leadsTo(slow, 'users')).toBe(true)
    const other = buildSchema('type Query { slow: Other } type Other { id: Int, friend: Int }')
    expect(plans.of(other, document, b!).leadsTo(slow, 'users')).toBe(false)
  })
})
