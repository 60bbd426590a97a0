// Loads every built package as its users would, by import and by require: both give the same exports, of two copies of the
// package, and the copies of the core listen to each other.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

for (const folder of readdirSync('packages')) {
  const { name } = JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8'))
  const imported = await import(name)
  const required = require(name)
  const names = Object.keys(imported)
  assert.ok(names.length > 0, `${name} exports something`)
  // The drop-in for dataloader is its one class when it is required, as that is.
  if (typeof required === 'function') assert.equal(required.name, imported.default.name)
  else assert.deepEqual(Object.keys(required).toSorted(), names.toSorted(), name)
  assert.notEqual(typeof required === 'function' ? required : required[names[0]], imported[names[0]])
  console.log(`${name} loads: ${names.join(', ')}`)
}

const [imported, required] = [await import('@bulkcall/core'), require('@bulkcall/core')]
const got = []
imported.onBulk({ settled: ({ name }) => got.push(name) })
await new required.AsyncBulkCall(tasks => tasks, { name: 'required' }).call(1)
assert.deepEqual(got, ['required'])
