// In Bun and in Deno, each behind its own server.
import hooks from 'node:async_hooks'
import channels from 'node:diagnostics_channel'

import * as cache from '@bulkcall/cache'
import * as core from '@bulkcall/core'
import { useBulk } from '@bulkcall/yoga'
import * as yoga from 'graphql-yoga'

import { check } from './program.mjs'
import { smoke } from './smoke.mjs'

const { Bun, Deno } = globalThis

async function listen(app) {
  const fetch = request => app.fetch(request)
  if (Bun) {
    const server = Bun.serve({ port: 0, fetch })
    return { url: `http://127.0.0.1:${server.port}/graphql`, end: () => server.stop(true) }
  }
  const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => {} }, fetch)
  return { url: `http://127.0.0.1:${server.addr.port}/graphql`, end: () => server.shutdown() }
}

const report = await check({ core, cache, yoga, useBulk, smoke, hooks, channels, listen })
console.log(JSON.stringify({ ...report, version: Bun?.version ?? Deno.version.deno }))
