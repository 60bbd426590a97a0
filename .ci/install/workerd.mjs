// Runs the worker, bundled as it is deployed, in the runtime of Cloudflare's Workers: node workerd.mjs [flag…]
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'

import { ask, isRight } from './program.mjs'

const compatibilityFlags = process.argv.slice(2)
const outfile = 'worker.out.mjs'
await build({
  entryPoints: ['worker.mjs'],
  bundle: true,
  format: 'esm',
  outfile,
  conditions: ['workerd', 'worker'],
  external: ['node:*'],
})
const workers = new Miniflare({
  modules: true,
  scriptPath: outfile,
  compatibilityDate: '2026-07-01',
  compatibilityFlags,
})
const url = await workers.ready
const wrong = await ask(new URL('/graphql', url).href)
const { passed, failed, bulks, facts, refused } = await (await fetch(new URL('/smoke', url))).json()
await workers.dispose()

note('a server answers six requests, with one bulk each', wrong.length === 0 && isRight(bulks), wrong[0])
note(
  'what one request would wait for another for is refused',
  refused.every(message =>
    / in a worker of Cloudflare, where no request may wait for another, got /.test(message),
  ),
  JSON.stringify(refused),
)
console.log(JSON.stringify({ passed, failed, facts }))

function note(name, isGood, reason) {
  if (isGood) passed.push(name)
  else failed.push(`${name}: ${reason}`)
}
