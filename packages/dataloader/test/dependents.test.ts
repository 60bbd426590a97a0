/**
 * Packages that use dataloader, with ours in its place: as built, in a tree of node_modules of their own.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plant, type Tree } from './support/tree.ts'

let ours: Tree
let theirs: Tree
beforeAll(() => {
  ours = plant('packages/dataloader')
  theirs = plant('node_modules/dataloader')
})
afterAll(() => {
  ours.remove()
  theirs.remove()
})

/** What is seen with ours, which is what is seen with the original. */
async function same(scenario: string): Promise<any> {
  const [seen, expected] = await Promise.all([ours.run(scenario), theirs.run(scenario)])
  expect(seen).toEqual(expected)
  return seen
}

test('the trees differ in what dataloader is', async () => {
  expect([await ours.run('which.cjs'), await theirs.run('which.cjs')]).toEqual([
    '@bulkcall/dataloader',
    'dataloader',
  ])
})

test('the dataloader plugin of Pothos asks for the same in as many batches, and reports the same error', async () => {
  const { batches, data, errors } = await same('pothos.mjs')
  expect(batches).toEqual([
    ['users', '1', '2', '3'],
    ['friends', '1', '2'],
  ])
  expect(data.users).toHaveLength(4)
  expect(errors).toEqual([['no user 3', ['users', 2]]])
})

test('the batching executor and the batched delegation of GraphQL Tools ask once for many', async () => {
  const { seen, executed, data } = await same('graphql-tools.mjs')
  expect(seen).toHaveLength(2)
  expect(executed).toHaveLength(3)
  expect(data.staff).toHaveLength(3)
})

test('MikroORM asks a database for references and collections in as many queries', async () => {
  const { seen, queries } = await same('mikro-orm.mjs')
  expect(seen).toHaveLength(8)
  expect(seen[0]).toEqual([
    'book 1',
    'author 3',
    'author 1',
    ['book 1', 'book 4', 'book 7'],
    ['tag 2', 'tag 1'],
  ])
  // One for all books, and one for each kind of what they lead to; not one a book.
  expect(queries.length).toBeLessThan(8)
})

test('the instrumentation of OpenTelemetry makes the same spans, parents, links and errors', async () => {
  const spans: { name: string; links: string[]; status: { code: number } }[] = await same('opentelemetry.cjs')
  const batches = spans.filter(span => span.name === 'dataloader.batch users')
  expect(batches.map(span => span.links.length)).toEqual([6, 1])
  expect(batches.map(span => span.status.code)).toEqual([0, 2])
})
