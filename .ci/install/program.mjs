// What every runtime is asked to do: the smoke test of the core, and a GraphQL server whose resolvers load. Plain JavaScript
// that gets the packages handed in, since each runtime loads them in its own way.

/**
 * A server over a few posts and their authors.
 * @param settings of the loader, such as a limit
 */
export function makeServer({ createSchema, createYoga, useBulk, keyed }, settings = {}) {
  const bulks = []
  const command = async ids => {
    bulks.push([...ids])
    await new Promise(resolve => setTimeout(resolve, 2))
    return ids.map(id => ({ id, name: `user ${id}` }))
  }
  const schema = createSchema({
    typeDefs: 'type Query { posts: [Post!]! } type Post { author: User } type User { name: String! }',
    resolvers: {
      Query: { posts: () => [1, 2, 3, 1].map(authorId => ({ authorId })) },
      Post: { author: ({ authorId }, _, ctx) => ctx.bulk.users.load(authorId) },
    },
  })
  const bulk = useBulk({ users: { command: keyed(command, ({ id }) => id), ...settings } })
  const yoga = createYoga({ schema, plugins: [bulk], logging: false, landingPage: false, graphiql: false })
  return { yoga, bulks }
}

/** Asks a server six times at once, and gives what was wrong with the answers, if anything. */
export async function ask(url, fetch = globalThis.fetch) {
  const answers = await Promise.all(Array.from({ length: 6 }, () => askOnce(url, fetch)))
  return answers.filter(answer => answer !== wanted)
}

async function askOnce(url, fetch) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ posts { author { name } } }' }),
  })
  // Apollo Server ends with a new line.
  return (await response.text()).trim()
}

const wanted = JSON.stringify({
  data: { posts: [1, 2, 3, 1].map(id => ({ author: { name: `user ${id}` } })) },
})

/** What the server must have asked: one bulk a request, each author once. */
export function isRight(bulks) {
  return bulks.length === 6 && bulks.every(ids => JSON.stringify(ids) === '[1,2,3]')
}

/** Loads over a cache with a store of its own, and adds to the report how that went. */
export async function tryCache({ keyed, BulkLoader }, { withCache }, { passed, failed }) {
  const kept = new Map()
  const store = {
    getMany: async names => names.map(name => kept.get(name)),
    setMany: async entries => entries.forEach(({ key, value }) => kept.set(key, value)),
    deleteMany: async names => names.forEach(name => kept.delete(name)),
  }
  const bulks = []
  const command = async ids => (bulks.push([...ids]), ids.map(id => ({ id })))
  const users = withCache(
    keyed(command, ({ id }) => id),
    { store, key: id => `user:${id}`, ttl: 60_000, budget: 10_000 },
  )
  await new BulkLoader(users).loadMany([1, 2])
  await new BulkLoader(users).loadMany([2, 3])
  await users.forget([2])
  await new BulkLoader(users).loadMany([1, 2, 3])
  const found = JSON.stringify(bulks)
  if (found === '[[1,2],[3],[2]]') passed.push('a cache asks for what it does not hold')
  else failed.push(`a cache asks for what it does not hold: ${found}`)
}

/** What a runtime may or may not do, without anything being wrong. */
export async function facts({ AsyncBulkCall, BulkScope }, hooks, channels) {
  let channel = false
  const heard = () => (channel = true)
  channels?.subscribe('tracing:bulkcall:bulk:asyncEnd', heard)
  const store = hooks && new hooks.AsyncLocalStorage()
  const within = (value, work) => (store ? store.run(value, work) : work())
  const scope = within('of the scope', () => new BulkScope())
  const call = new AsyncBulkCall(tasks => tasks.map(() => store?.getStore()), { scope })
  const context = (await within('of the caller', () => call.call(1))) === 'of the scope'
  channels?.unsubscribe('tracing:bulkcall:bulk:asyncEnd', heard)
  return { channel, context }
}

/** How a server listens over `node:http`. */
export function overHttp(createServer) {
  return async app => {
    const server = createServer(app)
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${server.address().port}/graphql`
    return { url, end: () => new Promise(resolve => server.close(resolve)) }
  }
}

/**
 * All of it, in a runtime that loads the packages in its own way.
 * @param listen starts a server of Yoga, and gives its address and what ends it
 */
export async function check({
  core,
  cache,
  yoga: { createSchema, createYoga },
  useBulk,
  smoke,
  hooks,
  channels,
  listen,
}) {
  const { passed, failed } = await smoke(core)
  await tryCache(core, cache, { passed, failed })
  const { yoga, bulks } = makeServer(
    { createSchema, createYoga, useBulk, keyed: core.keyed },
    { concurrent: 2 },
  )
  const { url, end } = await listen(yoga)
  const wrong = await ask(url)
  await end()
  if (wrong.length === 0 && isRight(bulks)) passed.push('a server answers six requests, with one bulk each')
  else failed.push(`a server answers six requests: ${wrong[0] ?? JSON.stringify(bulks)}`)
  return { passed, failed, facts: await facts(core, hooks, channels) }
}
