// As CommonJS in Node. The program and the smoke test are the same, made CommonJS.
const hooks = require('node:async_hooks')
const channels = require('node:diagnostics_channel')
const { createServer } = require('node:http')

const cache = require('@bulkcall/cache')
const core = require('@bulkcall/core')
const { useBulk } = require('@bulkcall/yoga')
const yoga = require('graphql-yoga')

const { check, overHttp } = require('./program.cjs')
const { smoke } = require('./smoke.cjs')

exports.run = async () => ({
  ...(await check({ core, cache, yoga, useBulk, smoke, hooks, channels, listen: overHttp(createServer) })),
  version: process.versions.node,
})

if (require.main === module) void exports.run().then(report => console.log(JSON.stringify(report)))
