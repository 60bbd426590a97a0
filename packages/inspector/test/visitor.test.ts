/**
 * Who may read what is recorded, over a real socket: what a browser sends for a page of this server, of another site, and
 * of a site whose name points to this machine.
 */

import { request } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { serve, type Serving, type ServingOptions } from './support/server.ts'

let serving: Serving | undefined

afterEach(async () => {
  vi.unstubAllEnvs()
  await serving?.close()
  serving = undefined
})

async function start(inspector: ServingOptions['inspector'] = {}): Promise<Serving> {
  return (serving = await serve({ inspector }))
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** A request with whatever headers, also those that `fetch` lets nobody choose. Of a stream, its first piece. */
function get(page: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(page, { headers, agent: false }, response => {
      const answer = (text = ''): void => {
        resolve({ status: response.statusCode!, type: response.headers['content-type'] ?? '', text })
        sent.destroy()
      }
      response
        .setEncoding('utf8')
        .once('data', answer)
        .once('end', () => answer())
    })
    sent.on('error', reject).end()
  })
}

const kinds = ['application/json', 'text/event-stream', 'text/html']

describe('S116 what is recorded', () => {
  it.each(kinds)('is given at the names that every machine has: %s', async accept => {
    const { page } = await start()
    const { port } = new URL(page)
    for (const host of [
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
      'LOCALHOST',
      'localhost.',
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- a failure names its host
      expect({ host, ...(await get(page, { host, accept })) }).toMatchObject({
        host,
        status: 200,
        type: expect.stringContaining(accept),
      })
    }
  })

  it.each(kinds)(
    'is refused at a name that somebody else made point here, and says what to set: %s',
    async accept => {
      const { page } = await start({ allowedHosts: ['dev.example.com'] })
      const hosts = [
        'evil.example',
        'localhost.evil.example',
        'evil.example:80',
        '127.0.0.1.evil.example',
        'xdev.example.com',
        'a.dev.example.com',
      ]
      for (const host of hosts) {
        // oxlint-disable-next-line no-await-in-loop -- a failure names its host
        const { status, type, text } = await get(page, {
          host,
          accept,
          origin: `http://${host}`,
          'sec-fetch-site': 'same-origin',
        })
        const name = host.replace(':80', '')

        expect([host, status, type]).toEqual([host, 403, 'text/plain; charset=utf-8'])
        expect(text).toBe(
          `Bulkcall: the host must be localhost, 127.0.0.1, [::1] or one of allowedHosts, got '${host}'. Is it a name of this server? Then set it: useBulkInspector({ allowedHosts: ['${name}'] })\n`,
        )
      }
    },
  )

  it.each(['user@localhost', 'localhost/', 'localhost:4000:evil.example', '[::1', 'localhost#.evil.example'])(
    'is refused at what is no name of a host: %s',
    async host => {
      const { page } = await start()
      // Node answers by itself where it does not take the header.
      expect(
        (await get(page, { host, accept: 'application/json' }).catch(() => ({ status: 400 }))).status,
      ).not.toBe(200)
    },
  )

  it('is given at allowed names: of one host, or of all below one', async () => {
    const { page } = await start({ allowedHosts: ['Dev.example.com', '.lan.example', '192.168.1.5'] })
    const status = async (host: string): Promise<number> =>
      (await get(page, { host, accept: 'application/json' })).status
    const hosts = [
      'dev.example.com',
      'dev.example.com:8443',
      'lan.example',
      'a.b.lan.example:80',
      '192.168.1.5:4000',
    ]

    expect(await Promise.all(hosts.map(status))).toEqual(hosts.map(() => 200))
    expect(await Promise.all(['alan.example', '192.168.1.6'].map(status))).toEqual([403, 403])
  })

  it('is refused to a page of another origin, also where browsers tell no more than that', async () => {
    const { page } = await start({ allowedHosts: ['dev.example.com'] })
    const status = async ([host, origin]: readonly [string, string]): Promise<number> =>
      (await get(page, { host, origin, accept: 'application/json' })).status
    const own = [
      ['localhost:4000', 'http://localhost:4000'],
      ['dev.example.com', 'https://dev.example.com'],
      ['dev.example.com:443', 'https://dev.example.com'],
    ] as const
    const foreign = [
      ['dev.example.com', 'http://evil.example'],
      ['dev.example.com', 'http://localhost'],
      // Another program of this machine.
      ['localhost:4000', 'http://localhost:3000'],
      ['localhost:4000', 'http://127.0.0.1:4000'],
      ['localhost:4000', 'null'],
      ['localhost:4000', 'file://'],
    ] as const

    expect(await Promise.all(own.map(status))).toEqual(own.map(() => 200))
    expect(await Promise.all(foreign.map(status))).toEqual(foreign.map(() => 403))
  })

  it.each(kinds)('is refused where the browser says that another site asks: %s', async accept => {
    const { page } = await start()
    const status = async (site: string): Promise<number> =>
      (await get(page, { 'sec-fetch-site': site, accept })).status

    expect(await Promise.all(['cross-site', 'same-site', 'same-origin', 'none'].map(status))).toEqual([
      403, 403, 200, 200,
    ])
  })

  it('is reached by a link of another site: the page itself has nothing in it', async () => {
    const { page } = await start()
    const headers = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }

    expect((await get(page, { ...headers, accept: 'text/html' })).status).toBe(200)
    expect((await get(page, { ...headers, accept: 'application/json' })).status).toBe(403)
    expect((await get(page, { ...headers, 'sec-fetch-dest': 'iframe', accept: 'text/html' })).status).toBe(
      403,
    )
  })
})

it('is refused in whole sentences, whatever was refused before', async () => {
  const { page } = await start()
  for (const host of ['a.example', `${'long'.repeat(14)}.example`, 'b.example']) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { text } = await get(page, { host })
    expect(text).toMatch(new RegExp(`^Bulkcall: the host must be .* allowedHosts: \\['${host}'\\] \\}\\)\n$`))
  }
})

describe('S116 the page', () => {
  it.each([undefined, '', 'test', 'staging', 'Development'])(
    'is closed with NODE_ENV=%s, and says on this machine alone what opens it',
    async mode => {
      vi.stubEnv('NODE_ENV', mode)
      const { page } = await start({ enabled: undefined })
      const here = await get(page, {})
      const outside = await get(page, { host: 'api.example.com' })

      expect([here.status, outside.status]).toEqual([404, 404])
      expect(here.text).toContain(
        `Bulkcall: NODE_ENV must be 'development', or useBulkInspector({ enabled }) say who may see this page, got ${mode === undefined ? 'undefined' : `'${mode}'`}`,
      )
      expect(outside.text).not.toContain('Bulkcall')
    },
  )

  it('is open with NODE_ENV=development', async () => {
    vi.stubEnv('NODE_ENV', 'development')
    const { page } = await start({ enabled: undefined })

    expect((await get(page, { accept: 'text/html' })).status).toBe(200)
  })

  it('does not exist for those that `enabled` refuses, at whatever name', async () => {
    const { page } = await start({ enabled: () => false })

    expect((await get(page, {})).status).toBe(404)
    expect((await get(page, { host: 'evil.example' })).status).toBe(404)
  })
})
