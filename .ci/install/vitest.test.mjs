// As Vitest loads it.
import hooks from 'node:async_hooks'
import channels from 'node:diagnostics_channel'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

import * as cache from '@bulkcall/cache'
import * as core from '@bulkcall/core'
import { useBulk } from '@bulkcall/yoga'
import * as yoga from 'graphql-yoga'
import { expect, test } from 'vitest'

import { check, overHttp } from './program.mjs'
import { smoke } from './smoke.mjs'

test('the smoke test, and a server', async () => {
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
  const { version } = JSON.parse(readFileSync('node_modules/vitest/package.json', 'utf8'))
  writeFileSync(join(import.meta.dirname, 'report.json'), JSON.stringify({ ...report, version }))
  expect(report.failed).toEqual([])
})
