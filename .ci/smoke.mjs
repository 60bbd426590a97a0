// Loads every built package as its users would, by import and by require, and asks that both give the same exports.
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
  const isClass = typeof required === 'function'
  for (const each of names)
    assert.equal(isClass ? required : required[each], imported[each], `${name}: ${each}`)
  console.log(`${name} loads: ${names.join(', ')}`)
}
