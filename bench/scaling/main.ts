/**
 * Simulates systems that are larger than a machine for tests: up to a thousand instances over one database, on the real
 * engine and a virtual clock. Prints what comes of it, and draws the plots of docs/scaling.md. With `--quick` it does the
 * same for a moment of a small system, and draws nothing.
 */

import { writeFile } from 'node:fs/promises'
import { table } from '../table.mjs'
import type { Weather } from './backend.ts'
import type { Way } from './instance.ts'
import { plot, type Plot } from './plot.ts'
import { part, simulate, warming, type Outcome, type Setting } from './system.ts'

const ways: readonly Way[] = [
  { name: 'for each request' },
  { name: 'for each request, by instance', limit: 'instance' },
  { name: 'shared, by instance', shared: true, limit: 'instance' },
  { name: 'shared, by cluster', shared: true, limit: 'cluster' },
  { name: 'shared, by cluster, cache', shared: true, limit: 'cluster', cache: 100 },
]
const calm: Weather = { slowness: () => 1, failing: 0 }
const quick = process.argv.includes('--quick')

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const tenths = (value: number): string => value.toFixed(1)

const columns: Readonly<Record<string, (outcome: Outcome) => string>> = {
  'answered/s': ({ answered }) => whole(answered),
  failed: ({ failed }) => `${tenths(failed * 100)} %`,
  'median ms': ({ median }) => tenths(median),
  '99 % ms': ({ longest }) => tenths(longest),
  'commands/s': ({ commands }) => whole(commands),
  'keys/s': ({ keys }) => whole(keys),
  'Redis/s': ({ redis }) => whole(redis),
  'most at once': ({ most }) => whole(most),
}

function show(title: string, rows: readonly { readonly head: string; readonly outcome: Outcome }[]): void {
  console.log(`\n${title}\n`)
  table([
    ['', ...Object.keys(columns)],
    ...rows.map(({ head, outcome }) => [head, ...Object.values(columns).map(column => column(outcome))]),
  ])
}

/** A row for each way. */
function rowsOf(outcomes: readonly Outcome[]): { head: string; outcome: Outcome }[] {
  return outcomes.map((outcome, place) => ({ head: ways[place]!.name, outcome }))
}

async function draw(name: string, what: Plot): Promise<void> {
  if (!quick) await writeFile(new URL(`../../docs/scaling-${name}.svg`, import.meta.url), plot(what))
}

const total = { asked: 0, ended: 0 }

async function run(setting: Setting): Promise<Outcome> {
  const outcome = await simulate(setting)
  total.asked += outcome.asked
  total.ended += outcome.ended
  return outcome
}

/** One outcome of each way; one after the other, since each has a core to itself. */
async function ofEachWay(setting: Omit<Setting, 'way'>): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (const way of ways) outcomes.push(await run({ ...setting, way }))
  return outcomes
}

const linesOf = (values: (place: number) => readonly number[]): Plot['lines'] =>
  ways.map(({ name }, place) => ({ name, values: values(place) }))

/** Calm, and ever more requests. The table is of three loads, the plots of all. */
async function growingLoad(instances: number): Promise<void> {
  const loads = quick ? [6_000] : [2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 16_000]
  const shown = quick ? loads : [4_000, 8_000, 12_000]
  const outcomes: Outcome[][] = []
  for (const load of loads)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    outcomes.push(await ofEachWay({ instances, load, weather: calm, ms: quick ? 300 : 600 }))

  show(
    `${whole(instances)} instances`,
    ways.flatMap(({ name }, place) =>
      shown.map(load => ({
        head: `${name}; ${whole(load)}/s`,
        outcome: outcomes[loads.indexOf(load)]![place]!,
      })),
    ),
  )
  const across = 'requests a second, over all instances'
  await draw(`wait-of-${instances}`, {
    title: `${whole(instances)} instances: the median wait, in ms`,
    across,
    at: loads,
    lines: linesOf(place => outcomes.map(each => each[place]!.median)),
  })
  await draw(`commands-of-${instances}`, {
    title: `${whole(instances)} instances: commands a second`,
    across,
    at: loads,
    lines: linesOf(place => outcomes.map(each => each[place]!.commands)),
  })
}

/** The database is slower for a while, or fails. */
async function badWeather(): Promise<void> {
  const site = { instances: 10, load: quick ? 1_000 : 5_000 }
  const slow: Weather = { slowness: now => (now >= 400 && now < 600 ? 5 : 1), failing: 0 }
  const failing: Weather = { slowness: () => 1, failing: 0.02 }
  const title = `${site.instances} instances, ${whole(site.load)} requests/s`

  const slowed = await ofEachWay({ ...site, weather: slow, ms: quick ? 500 : 1_400 })
  show(`${title}; the database is five times slower from 0.4 s to 0.6 s`, rowsOf(slowed))
  const failed = await ofEachWay({ ...site, weather: failing, ms: quick ? 300 : 1_000 })
  show(`${title}; 2 % of the commands fail`, rowsOf(failed))

  await draw('slow', {
    title: 'Five times slower from 0.4 s to 0.6 s: the median wait, in ms',
    across: 'when the request came, in s',
    at: slowed[0]!.course.map((_, place) => (warming + (place + 0.5) * part) / 1000),
    ticks: [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4],
    lines: linesOf(place => slowed[place]!.course),
  })
}

// oxlint-disable-next-line no-await-in-loop -- one after the other
for (const instances of quick ? [10] : [10, 1_000]) await growingLoad(instances)
await badWeather()
console.log(
  `\nOf ${whole(total.asked)} requests, ${whole(total.asked - total.ended)} were left without an answer.`,
)
