// In a worker of Cloudflare: what the others do in one program is asked for here request by request.
import * as cache from '@bulkcall/cache'
import * as core from '@bulkcall/core'
import { useBulk } from '@bulkcall/yoga'
import { createSchema, createYoga } from 'graphql-yoga'

import { facts, makeServer, tryCache } from './program.mjs'
import { smoke } from './smoke.mjs'

const packages = { createSchema, createYoga, useBulk, keyed: core.keyed }
const { yoga, bulks } = makeServer(packages)

const builtin = name => globalThis.process?.getBuiltinModule?.(name)

function refusal(settings, options) {
  try {
    useBulk({ users: { command: ids => ids, ...settings } }, options)
    return null
  } catch (error) {
    return error.message
  }
}

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url)
    if (pathname === '/graphql') return yoga.fetch(request, env, context)
    const report = await smoke(core)
    await tryCache(core, cache, report)
    return Response.json({
      ...report,
      bulks,
      facts: await facts(core, builtin('node:async_hooks'), builtin('node:diagnostics_channel')),
      refused: [refusal({ concurrent: 2 }), refusal({ shared: true }), refusal({}, { concurrent: 2 })],
    })
  },
}
