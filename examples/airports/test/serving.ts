/**
 * The server in this process, over a real socket and a real database.
 */

import { loadData } from '../src/data.ts'
import type { Database } from '../src/database.ts'
import { openDatabase } from '../src/open-database.ts'
import type { Options } from '../src/options.ts'
import { queriesOf, type Queries } from '../src/queries.ts'
import { listen } from '../src/server.ts'
import { waysOf, type Way } from '../src/ways.ts'

export interface Serving {
  readonly address: string
  readonly ways: readonly Way[]
  readonly sql: Queries
  readonly database: Database
  close(): Promise<void>
}

/**
 * @param delay long, so that no slow machine closes a window and the number of statements is always the same; and not
 * endless, since a field that asks a service first may load or not, which the first operation has to wait for
 */
export async function serve(database: Options['database'], pool = 4, delay = 200): Promise<Serving> {
  const opened = await openDatabase({ database, pool })
  await loadData(opened)
  const sql = queriesOf(opened)
  const ways = waysOf(sql, opened.connections, delay)
  const listener = await listen({ port: 0, host: '127.0.0.1' })
  listener.serve(ways, sql)
  return {
    address: listener.address,
    ways,
    sql,
    database: opened,
    async close() {
      await listener.close()
      await opened.close()
    },
  }
}

export interface Answer {
  readonly data?: any
  readonly errors?: readonly { message: string; extensions?: { code?: string } }[]
}

export async function ask({ address }: Serving, query: string, path = '/graphql'): Promise<Answer> {
  const response = await post(address + path, query, 'application/json')
  return (await response.json()) as Answer
}

/** All parts of an answer that comes in parts, `@defer` and `@stream`. */
export async function askInParts({ address }: Serving, query: string): Promise<any[]> {
  const response = await post(`${address}/graphql`, query, 'multipart/mixed')
  const body = await response.text()
  return body.split(/\r\n---?/).flatMap(part => {
    const json = part.slice(part.indexOf('{'), part.lastIndexOf('}') + 1)
    return json === '' ? [] : [JSON.parse(json) as unknown]
  })
}

export interface Events {
  /** The next event; fails when the stream has ended. */
  next(): Promise<Answer>
  close(): void
}

/** A subscription over server-sent events. Resolves when the server has accepted it. */
export async function subscribe({ address }: Serving, query: string, path = '/graphql'): Promise<Events> {
  const abort = new AbortController()
  const response = await post(address + path, query, 'text/event-stream', abort.signal)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    close: () => abort.abort(),
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end !== -1) {
          const event = text.slice(0, end)
          text = text.slice(end + 2)
          const data = /^data: (?<json>.+)$/m.exec(event)?.groups?.['json']
          if (data !== undefined) return JSON.parse(data) as Answer
          continue
        }
        const { done, value } = await reader.read()
        if (done) throw new Error('The subscription has ended.')
        text += value
      }
    },
  }
}

function post(url: string, query: string, accept: string, signal?: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({ query }),
    ...(signal ? { signal } : {}),
  })
}
