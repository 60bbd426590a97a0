/**
 * The core in a real browser: served as it is published, loaded as ES modules, in a page and in a worker of that page.
 */

import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { buildCore, type CoreBuild } from './support/core-build.ts'
import { smokeNames } from './support/smoke.mjs'

const executablePath = '/usr/bin/chromium'
const isInstalled = existsSync(executablePath)
const allPassed = { passed: smokeNames, failed: [] }

describe('in Chromium', () => {
  let core: CoreBuild
  let server: Server
  let browser: Browser
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    if (!isInstalled) return
    core = buildCore()
    server = await serve(core.folder)
    browser = await chromium.launch({ executablePath, args: quiet, timeout: 100_000 })
  })

  beforeEach(async ctx => {
    if (!isInstalled) ctx.skip(`There is no ${executablePath}`)
    complaints = []
    page = await browser.newPage()
    page.setDefaultTimeout(100_000)
    page.on('console', message => complaints.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', error => complaints.push(String(error)))
    const { port } = server.address() as AddressInfo
    await page.goto(`http://127.0.0.1:${port}/`)
  })

  afterAll(async () => {
    await browser?.close()
    server?.close()
    core?.remove()
  })

  it.each(['page', 'worker'])(
    'S10 in a %s, calls 0 to 8 awaits deep are one bulk, and all else holds',
    async where => {
      const report = await page.evaluate(`reports.${where}()`)

      expect(report).toEqual(allPassed)
      expect(complaints).toEqual([])
    },
  )
})

/** So that it neither needs a screen nor speaks with anyone but us. */
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const html = `<!doctype html>
<link rel="icon" href="data:,">
<script type="module">
  import * as core from '/core/index.js'
  import { smoke } from '/smoke.mjs'

  globalThis.reports = {
    page: () => smoke(core),
    worker: () =>
      new Promise((resolve, reject) => {
        const worker = new Worker('/worker.mjs', { type: 'module' })
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = event => reject(new Error(event.message))
      }),
  }
</script>`

const worker = `
import * as core from '/core/index.js'
import { smoke } from '/smoke.mjs'

postMessage(await smoke(core))`

/** Serves the page, the worker, the smoke test and the files of the core. */
async function serve(coreFolder: string): Promise<Server> {
  const server = createServer(({ url = '/' }, response) => {
    const { type, body } = find(url, coreFolder)
    response.writeHead(body === null ? 404 : 200, { 'content-type': type }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

function find(url: string, coreFolder: string): { type: string; body: string | null } {
  const js = 'text/javascript'
  if (url === '/') return { type: 'text/html', body: html }
  if (url === '/worker.mjs') return { type: js, body: worker }
  if (url === '/smoke.mjs') return { type: js, body: read(join(import.meta.dirname, 'support/smoke.mjs')) }
  const [, file] = /^\/core\/((?:[\w-]+\/)*[\w-]+\.js)$/.exec(url) ?? []
  if (file !== undefined) return { type: js, body: read(join(coreFolder, file)) }
  return { type: 'text/plain', body: null }
}

function read(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}
