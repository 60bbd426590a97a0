/**
 * Metrics in a Yoga server, beside those of its own plugin, read from its endpoint as Prometheus does.
 */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { useBulk, type BulkContext } from '@bulkcall/yoga'
import { usePrometheus } from '@graphql-yoga/plugin-prometheus'
import { createSchema, createYoga, type YogaInitialContext } from 'graphql-yoga'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { measureBulks } from '../src/index.ts'

describe('in a Yoga server', () => {
  const registry = new Registry()
  let server: Server
  let address: string
  let stop: () => void

  beforeAll(async () => {
    stop = measureBulks({ registry })
    const bulk = useBulk({
      users: {
        command: async (ids: number[]) => ids.map(id => ({ name: `user ${id}` })),
        concurrent: 1,
        size: 2,
      },
      notes: async (): Promise<string[] | null> => null,
      broken: async (): Promise<string[]> => {
        throw new Error('no such table')
      },
    })
    type Context = YogaInitialContext & BulkContext<typeof bulk>
    const yoga = createYoga({
      schema: createSchema<Context>({
        typeDefs: /* GraphQL */ `
          type Query {
            posts: [Post!]!
          }
          type Post {
            author: User
            note: String
            broken: String
          }
          type User {
            name: String!
          }
        `,
        resolvers: {
          Query: { posts: () => [1, 2, 3, 1] },
          Post: {
            author: (id: number, _: unknown, ctx: Context) => ctx.bulk.users.load(id),
            note: (id: number, _: unknown, ctx: Context) => ctx.bulk.notes.load(id),
            broken: (id: number, _: unknown, ctx: Context) => ctx.bulk.broken.load(id),
          },
        },
      }),
      plugins: [bulk, usePrometheus({ registry })],
      logging: false,
    })
    server = createServer(yoga)
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve)
    })
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterAll(async () => {
    stop()
    server.closeAllConnections()
    await new Promise(resolve => {
      server.close(resolve)
    })
  })

  async function ask(query: string): Promise<void> {
    const response = await fetch(`${address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    await response.text()
  }

  /** The samples of the endpoint, by their names and labels. */
  async function scrape(): Promise<Record<string, number>> {
    const response = await fetch(`${address}/metrics`)
    const lines = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
    return Object.fromEntries(
      lines.map(line => {
        const at = line.lastIndexOf(' ')
        return [line.slice(0, at), Number(line.slice(at + 1))]
      }),
    )
  }

  it('the endpoint of its own plugin tells of operations and of bulks', async () => {
    await ask('query Feed { posts { author { name } note broken } }')
    const samples = await scrape()

    expect(Object.keys(samples).some(name => name.startsWith('graphql_yoga_http_duration'))).toBe(true)
    expect(samples).toMatchObject({
      'bulkcall_size_count{loader="users"}': 2,
      'bulkcall_size_sum{loader="users"}': 3,
      'bulkcall_size_bucket{le="1",loader="users"}': 1,
      'bulkcall_size_bucket{le="2",loader="users"}': 2,
      'bulkcall_window_seconds_count{loader="users"}': 2,
      'bulkcall_slot_wait_seconds_count{loader="users"}': 2,
      'bulkcall_run_seconds_count{loader="users"}': 2,
      'bulkcall_hits_total{loader="users"}': 1,
      'bulkcall_in_flight{loader="users"}': 0,
      'bulkcall_pending{loader="users"}': 0,
      'bulkcall_none_total{loader="notes"}': 3,
      'bulkcall_failed_total{loader="broken"}': 3,
    })
    const outcomes = Object.keys(samples).flatMap(
      name =>
        /^bulkcall_bulks_total\{loader="(?<told>\w+",cause="\w+",outcome="\w+)"/.exec(name)?.groups![
          'told'
        ] ?? [],
    )
    expect(outcomes.map(told => told.replace(/",cause="\w+",outcome="/, ' ')).toSorted()).toEqual(
      expect.arrayContaining(['broken failed', 'notes none', 'users ok']),
    )
    // No limit, no wait for it.
    expect(samples['bulkcall_slot_wait_seconds_count{loader="notes"}']).toBeUndefined()
  })

  it('what is counted goes on from one scrape to the next', async () => {
    const before = await scrape()
    await ask('{ posts { author { name } } }')
    await ask('{ posts { author { name } } }')
    const after = await scrape()

    for (const [sample, more] of [
      ['bulkcall_hits_total{loader="users"}', 2],
      ['bulkcall_size_sum{loader="users"}', 6],
      ['bulkcall_hits_total{loader="notes"}', 0],
    ] as const)
      expect(after[sample]! - before[sample]!).toBe(more)
  })

  it('no label holds what a client chose', async () => {
    await ask('query Evil { posts { author { name } } }')
    const ours = Object.keys(await scrape()).filter(name => name.startsWith('bulkcall_'))

    expect(ours.length).toBeGreaterThan(0)
    expect(ours.filter(name => name.includes('Evil') || name.includes('Feed'))).toEqual([])
  })
})
