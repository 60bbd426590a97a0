/**
 * A network between a client and its Redis that loses answers and cuts connections when a test says so.
 */

import { createServer, connect, type Socket } from 'node:net'

export interface Proxy {
  /** Where it listens. */
  readonly path: string
  /** From now on requests arrive and answers do not. */
  loseAnswers(): void
  /** Cuts all connections; new ones are as they should be. */
  cut(): void
  close(): void
}

export async function startProxy(to: string): Promise<Proxy> {
  const path = `${to}-proxy`
  const clients = new Set<Socket>()
  let loses = false
  const server = createServer(client => {
    const redis = connect(to)
    const end = (): void => {
      clients.delete(client)
      client.destroy()
      redis.destroy()
    }
    clients.add(client)
    client.on('data', data => redis.write(data))
    redis.on('data', data => loses || client.write(data))
    for (const side of [client, redis]) side.on('error', end).on('close', end)
  })
  await new Promise<void>(resolve => server.listen(path, resolve))
  const cut = (): void => {
    for (const client of clients) client.destroy()
    loses = false
  }
  return {
    path,
    loseAnswers: () => void (loses = true),
    cut,
    close() {
      server.close()
      cut()
    },
  }
}
