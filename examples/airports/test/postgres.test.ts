/**
 * The example over a PostgreSQL server.
 */

import { setTimeout as sleep } from 'node:timers/promises'

import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { revealing } from '../src/starting-queries.ts'
import { itServesAirports } from './behaviour.ts'
import { postgresPrograms, startPostgres, type PostgresServer } from './postgres-server.ts'
import { readTable, runProgram } from './program.ts'
import { ask, serve, type Answer, type Serving } from './serving.ts'

if (postgresPrograms === null)
  console.warn(
    'SKIPPED: no PostgreSQL server below /usr/lib/postgresql. On Debian, apt-get install postgresql.',
  )

describe.skipIf(postgresPrograms === null)(
  'over a PostgreSQL server (needs one that is installed)',
  { timeout: 300_000 },
  () => {
    let server: PostgresServer
    let serving: Serving

    beforeAll(async () => {
      // Each connection that is lost is a line in the log of the server, as it should be, and of no use here.
      vi.spyOn(console, 'error').mockImplementation(() => {})
      server = await startPostgres(postgresPrograms!)
    }, 300_000)

    afterAll(async () => {
      await serving?.close()
      await server?.stop()
      vi.restoreAllMocks()
    })

    // `npm start` does the same, and it takes ten seconds.
    it.runIf(process.env['BULKCALL_ALL'])(
      'loads the data and compares, with the URL in the environment',
      async () => {
        const { code, stdout, stderr } = await runProgram(['--once', '--port', '0', '--pool', '3'], {
          DATABASE_URL: server.url,
        })

        expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
        expect(stdout).toMatch(/^Opening PostgreSQL at 127\.0\.0\.1:\d+\/postgres/)
        expect(stdout).toContain('Loaded 5,210 airports\n')
        expect(stdout).toContain('over 3 connections')
        expect(Object.keys(readTable(stdout))).toEqual([
          'a statement for each key',
          'DataLoader',
          'DataLoader, fixed window of 5 ms',
          'Bulkcall',
        ])
      },
    )

    it('tells in one sentence that the database does not exist, without the password', async () => {
      const url = server.url.replace('tester@', 'tester:s3cret@').replace(/postgres$/, 'nothing')
      const { code, stdout, stderr } = await runProgram(['--once', '--port', '0', '--database', url])

      expect(code).toBe(1)
      expect(stderr).toMatch(
        /^The database at 127\.0\.0\.1:\d+\/nothing cannot be used: database "nothing" does not exist\.\n$/,
      )
      expect(stdout + stderr).not.toContain('s3cret')
    })

    describe('the server', () => {
      beforeAll(async () => {
        serving = await serve({ url: server.url })
      })

      itServesAirports(() => serving)

      it('never has more connections than the pool, whoever asks', async () => {
        const admin = new pg.Client(server.url)
        await admin.connect()
        const connections = async (): Promise<number> => {
          const { rows } = await admin.query(
            `select count(*)::int as n from pg_stat_activity
           where backend_type = 'client backend' and pid <> pg_backend_pid()`,
          )
          return rows[0].n
        }
        // Those of the tests before may take a while to end.
        while ((await connections()) > 4) await sleep(10)
        const asking = Promise.all(Array.from({ length: 20 }, () => ask(serving, revealing)))
        let most = 0
        for (let done = false; !done; most = Math.max(most, await connections()))
          done = await Promise.race([asking.then(() => true), sleep(2, false)])
        const answers = await asking
        await admin.end()

        expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
        expect(answers[0]!.errors).toBeUndefined()
        expect(most).toBeGreaterThan(1)
        expect(most).toBeLessThanOrEqual(4)
      })

      it('goes on after its connections were lost', async () => {
        await kill(server)
        // One that finds a dead connection in the pool may fail; then the pool has noticed.
        const answers = []
        for (let attempt = 0; attempt < 6; attempt++)
          answers.push(await ask(serving, '{ airport(code: "VIE") { ident } }'))

        expect(answers.at(-1)).toEqual({ data: { airport: { ident: 'LOWW' } } })
      })

      it.runIf(process.env['BULKCALL_ALL'])(
        'answers every request while connections are killed and the server is away, and serves by itself again',
        async () => {
          const answers: Answer[] = []
          const end = new AbortController()
          /** Clients, each of which asks again as soon as it has an answer. More of them than there are connections. */
          const clients = Array.from({ length: 8 }, async () => {
            while (!end.signal.aborted) answers.push(await ask(serving, revealing))
          })
          /** Resolves when so many more have been answered so. */
          const more = async (count: number, wanted: (answer: Answer) => boolean): Promise<void> => {
            const from = answers.length
            while (answers.slice(from).filter(wanted).length < count) await sleep(5)
          }

          await more(8, isWhole)
          await kill(server)
          await more(8, isWhole)
          await server.restart(() => more(8, answer => !isWhole(answer)))
          await more(8, isWhole)
          end.abort()
          await Promise.all(clients)

          await untilHealthy(serving)
          // An answer or a clear error, for each.
          for (const { data, errors } of answers) expect(data !== undefined || errors!.length > 0).toBe(true)

          // No slot is lost: as many at once as before, and more than there are slots.
          const after = await Promise.all(Array.from({ length: 20 }, () => ask(serving, revealing)))
          expect(after.filter(({ errors }) => errors !== undefined)).toEqual([])
        },
      )
    })
  },
)

/** Breaks all connections of others, also those in the middle of a statement. */
async function kill(server: PostgresServer): Promise<void> {
  const admin = new pg.Client(server.url)
  await admin.connect()
  await admin.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = current_user',
  )
  await admin.end()
}

function isWhole({ errors }: Answer): boolean {
  return errors === undefined
}

/** Asks until the pool has noticed which of its connections are dead. */
async function untilHealthy(serving: Serving): Promise<void> {
  for (let healthy = 0; healthy < 5;) {
    const { errors } = await ask(serving, revealing)
    healthy = errors === undefined ? healthy + 1 : 0
  }
}
