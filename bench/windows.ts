/**
 * How well windows that close themselves batch, and what waiting costs: the same queries over real Yoga servers, with
 * DataLoader, at its own moment and with a fixed window, and with `useBulk` at some delays; over simulated backends, so that only the moment at
 * which a bulk starts makes a difference, and over a real PostgreSQL.
 *
 * The contenders take turns operation by operation; what to read is the number of bulks, and the ratio of the times. Where
 * that is not what is promised, the exit code is 1.
 *
 * `--only <text>` runs the shapes and backends with that in their names.
 */

import { BulkLoader } from '@bulkcall/core'
import { useBulk, type UseBulkOptions } from '@bulkcall/yoga'
import DataLoader from 'dataloader'
import { createYoga } from 'graphql-yoga'
import { parseArgs } from 'node:util'
import { postgresPrograms, startPostgres } from '../examples/airports/test/postgres-server.ts'
import { median, quartile, table } from './table.mjs'
import {
  fill,
  names,
  postgres,
  simulatedPool,
  unlimited,
  type Backend,
  type Name,
} from './windows-backends.ts'
import { mixed, schema, shapes, siblings, uneven, type Loader } from './windows-shapes.ts'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '25' },
  },
})
const rounds = Number(flags.rounds)

// ---- The contenders

interface Contender {
  readonly name: string
  readonly yoga: ReturnType<typeof createYoga>
  bulks: number
}

type Commands = Record<Name, (keys: readonly number[]) => Promise<unknown[]>>
type Server = (served: ReturnType<typeof schema>, commands: Commands) => unknown

function contender(name: string, backend: Backend, server: Server): Contender {
  const entries = names.map(of => [
    of,
    (keys: readonly number[]) => {
      one.bulks++
      return backend(of, keys)
    },
  ])
  const yoga = server(schema(backend), Object.fromEntries(entries) as Commands)
  const one = { name, bulks: 0, yoga: yoga as Contender['yoga'] }
  return one
}

const fresh =
  (loader: (command: Commands[Name]) => Loader): Server =>
  (served, commands) =>
    createYoga({
      schema: served,
      context: () => ({ bulk: Object.fromEntries(names.map(of => [of, loader(commands[of])])) }),
      logging: false,
    })
const bulk =
  (options: UseBulkOptions = {}): Server =>
  (served, commands) =>
    createYoga({ schema: served, plugins: [useBulk(commands, options)], logging: false })

/** What must never be better than windows that close themselves: the same `delay`, whatever happens. */
const fixedWindow = 'DataLoader, fixed 5 ms'
const dataLoaders: Record<string, Server> = {
  DataLoader: fresh(command => new DataLoader(command)),
  [fixedWindow]: fresh(
    command => new DataLoader(command, { batchScheduleFn: dispatch => void setTimeout(() => dispatch(), 5) }),
  ),
}
const simulated: Record<string, Server> = {
  ...dataLoaders,
  useBulk: bulk(),
  'useBulk, 10 ms': bulk({ delay: 10 }),
  'useBulk, 3 ms': bulk({ delay: 3 }),
  'BulkLoader, fixed 5 ms': fresh(command => new BulkLoader<number, unknown>(command, { delay: 5 })),
}
const real: Record<string, Server> = {
  ...dataLoaders,
  useBulk: bulk(),
  'useBulk, 4 at once': bulk({ concurrent: 4 }),
}

async function ask({ yoga }: Contender, query: string): Promise<string> {
  const response = await yoga.fetch('http://yoga/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.text()
}

// ---- The tables

/** The median of the bulks, and the lower quartile of the times in ms: whatever else the machine does makes them longer. */
interface Measured {
  readonly bulks: number
  readonly time: number
}

function expect(holds: boolean, otherwise: string): void {
  if (holds) return
  console.error(otherwise)
  process.exitCode = 1
}

/** Whether what waiting takes is made good by the bulks that it saves. */
function isInProportion(base: Measured, ours: Measured): boolean {
  return ours.time * ours.bulks <= base.time * base.bulks
}

async function compare(
  title: string,
  all: readonly Contender[],
  expected: (shape: string, base: Measured, ours: Measured) => void,
): Promise<void> {
  // Else the first shape would measure how quickly each contender gets warm.
  for (let time = 0; time < 10; time++) for (const one of all) await ask(one, shapes[mixed]!)
  const lines = [['', 'ms', ...all.map(({ name }) => name)]]
  for (const [shape, query] of Object.entries(shapes)) {
    if (!isWanted(shape, Object.keys(shapes))) continue
    const bulks = all.map((): number[] => [])
    const times = all.map((): number[] => [])
    for (let round = -5; round < rounds; round++) {
      let expectedAnswer: string | undefined
      for (const [place, one] of all.entries()) {
        one.bulks = 0
        const start = performance.now()
        const answer = await ask(one, query)
        if (round >= 0) {
          times[place]!.push(performance.now() - start)
          bulks[place]!.push(one.bulks)
        }
        expectedAnswer ??= answer
        if (answer !== expectedAnswer || answer.includes('"errors"'))
          throw new Error(`${one.name}: ${answer}`)
      }
    }
    const measured = all.map((_, place) => ({
      bulks: median(bulks[place]!),
      time: quartile(times[place]!),
    }))
    const of = (name: string) => measured[all.findIndex(one => one.name === name)]!
    const [base, fixed, ours] = [of('DataLoader'), of(fixedWindow), of('useBulk')]
    expect(
      ours.bulks <= base.bulks,
      `${shape}: ${ours.bulks} bulks with useBulk, ${base.bulks} with DataLoader`,
    )
    // Where levels are uneven, bulks that start earlier may meet others than those of a fixed window do.
    const most = shape === uneven ? fixed.bulks + 1 : fixed.bulks
    expect(
      ours.bulks <= most,
      `${shape}: ${ours.bulks} bulks with useBulk, ${fixed.bulks} with a fixed window`,
    )
    // Timers are up to 1 ms late, in both.
    expect(
      ours.time <= fixed.time * 1.1 + 2,
      `${shape}: ${ours.time.toFixed(1)} ms with useBulk, ${fixed.time.toFixed(1)} with a fixed window`,
    )
    expected(shape, base, ours)
    const cells = measured.map(one => `${one.bulks} / ${(one.time / base.time).toFixed(2)}`)
    lines.push([shape, base.time.toFixed(1), ...cells])
  }
  console.log(`\n${title}: bulks / time, where DataLoader is 1; its own time in ms\n`)
  table(lines)
}

/** Whether no flag `--only` is about any of these, or one is about this. */
function isWanted(name: string, among: readonly string[]): boolean {
  const about = flags.only.filter(text => among.some(other => other.includes(text)))
  return about.length === 0 || about.some(text => name.includes(text))
}

/** Operations a second, of so many clients who ask one after the other, in slices in which the contenders take turns. */
async function underLoad(all: readonly Contender[], clients: number, query: string): Promise<number[]> {
  const rates = all.map((): number[] => [])
  for (let slice = -1; slice < 7; slice++) {
    for (const [place, one] of all.entries()) {
      const end = performance.now() + 500
      const start = performance.now()
      let answers = 0
      const client = async () => {
        for (; performance.now() < end; answers++) await ask(one, query)
      }
      await Promise.all(Array.from({ length: clients }, client))
      if (slice >= 0) rates[place]!.push(answers / (performance.now() - start))
    }
  }
  return rates.map(median).map(rate => rate * 1000)
}

const backends: Readonly<Record<string, (title: string) => Promise<void>>> = {
  'Any number of commands at once, each in 3 ms': title =>
    compare(
      title,
      Object.entries(simulated).map(([name, server]) => contender(name, unlimited(), server)),
      (shape, base, ours) => {
        // Where waiting takes as long again, it saves bulks in proportion.
        expect(
          ours.time <= base.time * 2 || isInProportion(base, ours),
          `${shape}: over twice as late as DataLoader, for few bulks less`,
        )
        if (shape === siblings) expect(ours.bulks === 1 && ours.time <= base.time * 1.05, `${shape}: no gain`)
      },
    ),

  'A simulated pool of 4, where a command takes 1 ms and 0.02 ms a key': title =>
    compare(
      title,
      Object.entries(simulated).map(([name, server]) => contender(name, simulatedPool(), server)),
      () => {},
    ),

  'PostgreSQL, a pool of 4': async title => {
    if (postgresPrograms === null) {
      console.log(`\n${title}: left out, since there is no PostgreSQL on this machine\n`)
      return
    }
    const server = await startPostgres(postgresPrograms)
    const pools: { end(): Promise<void> }[] = []
    try {
      await fill(server.url)
      const all = Object.entries(real).map(([name, plugged]) => {
        const pool = postgres(server.url)
        pools.push(pool)
        return contender(name, pool.backend, plugged)
      })
      await compare(title, all, (shape, base, ours) =>
        expect(
          ours.time <= base.time * 1.2 + 0.3 || isInProportion(base, ours),
          `${shape}: slower than DataLoader over PostgreSQL`,
        ),
      )
      const lines = [['', ...all.map(({ name }) => name)]]
      for (const [shape, query] of Object.entries(shapes)) {
        if (![siblings, mixed].includes(shape) || !isWanted(shape, Object.keys(shapes))) continue
        const rates = await underLoad(all, 10, query)
        const ratio = (rate: number) => `${rate.toFixed(0)} / ${(rate / rates[0]!).toFixed(2)}`
        lines.push([shape, ...rates.map(ratio)])
      }
      console.log(
        `\n${title}, 10 clients at once: operations a second / how many times those of DataLoader\n`,
      )
      table(lines)
    } finally {
      for (const pool of pools) await pool.end()
      await server.stop()
    }
  },
}

for (const [title, run] of Object.entries(backends)) {
  if (isWanted(title, Object.keys(backends))) await run(title)
}
