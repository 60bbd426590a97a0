/**
 * The process of one contender at one work. It checks the answers, warms up, tells that it is ready, and then measures a
 * slice whenever it is asked to.
 */

import { isDeepStrictEqual } from 'node:util'

import { contenderOf } from './contenders.mjs'
import { countsOf, watchCalls } from './counts.mjs'
import { works } from './works.mjs'

const job = JSON.parse(process.argv[2])
const work = works.find(({ name }) => name === job.work)

/** How long one slice takes, and what comes before the first, in ms of the clock that the work is measured by. */
const aim = job.short ? 20 : 50
const warmUp = job.short ? 400 : (work.warmUp ?? 700)

const clocks = {
  /** Process CPU time: that of the garbage collector and the compiler is in it, that of other processes is not. */
  cpu() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  },
  wall: () => performance.now(),
}

try {
  if (job.counting) watchCalls()
  const contender = await contenderOf(job, work)
  if (contender === null) process.send({ absent: true })
  else await serve(contender)
} catch (error) {
  process.send({ error: error.stack })
}

async function serve(contender) {
  let bulks = 0
  const trial = await work.prepare(contender, () => bulks++)
  const first = await checked()
  const measure = job.counting ? null : work.clock === 'heap' ? weighed : await timed(trial, () => bulks)
  process.on('message', ({ slice }) => {
    const answer = job.counting ? counts(trial) : measure(slice)
    answer.then(
      answered => process.send(answered),
      error => process.send({ error: error.stack }),
    )
  })
  process.send({ versions: contender.versions, ...first })

  async function weighed(slice) {
    return { figure: await trial.weigh(slice), bulks: null }
  }

  /** One operation whose answers are looked at; tells how many bulks it was, and what is to be the same for all. */
  async function checked() {
    if (trial.run === undefined) return { bulks: null }
    const keys = work.keys(0)
    await trial.before?.(keys)
    bulks = 0
    const answers = await trial.run(keys)
    if (work.answers === undefined) return { bulks, answers }
    const count = bulks
    const expected = work.answers(keys)
    if (!isDeepStrictEqual(answers, expected))
      throw new Error(`not the answers: ${JSON.stringify(answers).slice(0, 300)}`)
    return { bulks: count }
  }
}

function counts(trial) {
  const keys = work.keys(0)
  return countsOf(async () => {
    await trial.before?.(keys)
    return () => trial.run(keys)
  })
}

/** Warms up, and finds out how many operations make a slice. */
async function timed(trial, bulks) {
  const clock = clocks[work.clock]
  const longest = work.slice ?? aim
  const spend = async (repeat, slice) => {
    // Fresh keys have no hash yet, as what comes from the network; others are shuffled anew for each slice.
    const keys = Array.from({ length: work.fresh ? repeat : 1 }, (_, place) => work.keys(slice + place))
    await trial.before?.(keys[0])
    const start = clock()
    for (let done = 0; done < repeat; done++) await trial.run(keys[done % keys.length])
    return clock() - start
  }
  const compiled = async () => {
    const began = clock()
    for (let tried = 1; ;) {
      const spent = await spend(tried, 0)
      if (spent >= longest / 2 && clock() - began >= warmUp)
        return Math.max(1, Math.round((tried * longest) / spent))
      if (spent < longest) tried *= 2
    }
  }
  const young = async ({ first, slice }) => {
    await spend(first, 0)
    return slice
  }
  const repeat = await (work.young === undefined ? compiled() : young(work.young))
  return async slice => {
    // The caches of the processor belonged to another contender.
    await spend(Math.ceil(repeat / 5), slice)
    const before = bulks()
    const spent = await spend(repeat, slice)
    return {
      figure: (spent / repeat / work.loads) * (work.scale ?? 1e6),
      bulks: (bulks() - before) / repeat / (work.requests ?? 1),
    }
  }
}
