// As ES modules in Node.
import hooks from 'node:async_hooks'
import channels from 'node:diagnostics_channel'
import { createServer } from 'node:http'

import * as cache from '@bulkcall/cache'
import * as core from '@bulkcall/core'
import { useBulk } from '@bulkcall/yoga'
import * as yoga from 'graphql-yoga'

import { check, overHttp } from './program.mjs'
import { smoke } from './smoke.mjs'

const report = await check({
  core,
  cache,
  yoga,
  useBulk,
  smoke,
  hooks,
  channels,
  listen: overHttp(createServer),
})
console.log(JSON.stringify({ ...report, version: process.versions.node }))
