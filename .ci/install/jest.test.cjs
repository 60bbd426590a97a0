// As Jest loads it: CommonJS, in a realm of its own, with the drop-in in the place of dataloader for the plugin of Pothos.
const { writeFileSync } = require('node:fs')
const path = require('node:path')

const SchemaBuilder = require('@pothos/core').default
const DataloaderPlugin = require('@pothos/plugin-dataloader').default
const { graphql } = require('graphql')

const { run } = require('./node.cjs')

const report = { passed: [], failed: [] }
afterAll(() => writeFileSync(path.join(__dirname, 'report.json'), JSON.stringify(report)))

test('the smoke test, and a server', async () => {
  Object.assign(report, await run(), { version: require('jest/package.json').version })
  expect(report.failed).toEqual([])
})

test('the drop-in is what the plugin of Pothos loads with', async () => {
  expect(require('dataloader/package.json').name).toBe('@bulkcall/dataloader')
  const batches = []
  const builder = new SchemaBuilder({ plugins: [DataloaderPlugin] })
  const User = builder.loadableObject('User', {
    load: async ids => {
      batches.push(ids.map(String))
      return ids.map(id => ({ id: String(id) }))
    },
    fields: t => ({ id: t.exposeID('id', {}) }),
  })
  builder.queryType({ fields: t => ({ users: t.field({ type: [User], resolve: () => ['1', '2', '1'] }) }) })
  const { data } = await graphql({ schema: builder.toSchema(), source: '{ users { id } }', contextValue: {} })
  expect(JSON.stringify(data)).toBe('{"users":[{"id":"1"},{"id":"2"},{"id":"1"}]}')
  expect(batches).toEqual([['1', '2']])
  report.passed.push('the plugin of Pothos loads with the drop-in')
})
