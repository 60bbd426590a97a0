/** One work: each contender in a process of its own, slice by slice in turn. */

import { fork } from 'node:child_process'
import { join, resolve } from 'node:path'

import { spread } from './statistics.mjs'

/** How often each contender is started anew: two processes may compile the same code differently. */
const launches = { long: 3, short: 1 }
const slices = { long: 5, short: 7 }

/**
 * Measures one work.
 *
 * @returns for each contender that ran, by name: the figure (of `work.unit`), its ratio to the base, each as
 *   `{ low, median, high }`, and how many bulks an operation was
 */
export async function race(work, { node, only, against, short, env }) {
  const form = short ? 'short' : 'long'
  const names = work.contenders.filter(name => name === work.base || isAsked(name, work, { only, short }))
  if (against !== null && work.contenders.includes('loader')) names.push('before')
  const measured = new Map()
  for (let launch = 0; launch < (work.launches ?? launches)[form]; launch++) {
    const runners = []
    try {
      for (const name of names) {
        const runner = await startRunner(node, { work: work.name, name, against, short }, env)
        if (runner !== null) runners.push(runner)
        if (runner !== null && runner.answers !== runners[0].answers)
          throw new Error(`${work.name}: ${name} does not answer as ${runners[0].name} does`)
      }
      for (let slice = 0; slice < (work.slices ?? slices)[form]; slice++) {
        const base = runners.find(({ name }) => name === work.base)
        const figures = new Map()
        for (const runner of runners) figures.set(runner, await runner.ask({ slice: launch * 1_000 + slice }))
        for (const [{ versions, name }, { figure, bulks }] of figures) {
          if (!measured.has(name)) measured.set(name, { versions, bulks: [], figures: [], ratios: [] })
          if (bulks !== null) measured.get(name).bulks.push(bulks)
          measured.get(name).figures.push(figure)
          measured.get(name).ratios.push(figure / figures.get(base).figure)
        }
      }
    } finally {
      await Promise.all(runners.map(runner => runner.stop()))
    }
  }
  return Object.fromEntries(
    [...measured].map(([name, { versions, bulks, figures, ratios }]) => [
      name,
      {
        versions,
        bulks: bulks.length === 0 ? null : spread(bulks).median,
        figure: spread(figures),
        ratio: spread(ratios),
      },
    ]),
  )
}

/** In the short form only who has a goal runs. */
function isAsked(name, work, { only, short }) {
  if (only !== null) return only.includes(name)
  return !short || work.goals[name] !== undefined
}

/** Starts the process of one contender; `null` where it is not to be had. */
export async function startRunner(node, job, env = {}) {
  const child = fork(join(import.meta.dirname, 'runner.mjs'), [JSON.stringify(absolute(job))], {
    execPath: node,
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production', ...env },
  })
  const ended = new Promise(end => {
    child.once('exit', end)
  })
  const next = () =>
    new Promise((settle, fail) => {
      const gone = code => fail(new Error(`${job.work}, ${job.name}: the process ended (${code})`))
      child.once('exit', gone)
      child.once('message', message => {
        child.off('exit', gone)
        if (message.error === undefined) settle(message)
        else fail(new Error(`${job.work}, ${job.name}: ${message.error}`))
      })
    })
  const stop = () => {
    child.kill()
    return ended
  }
  try {
    const { absent, versions, bulks, answers } = await next()
    if (!absent) {
      const ask = message => {
        const answer = next()
        child.send(message)
        return answer
      }
      return { name: job.name, versions, bulks, answers, ask, stop }
    }
  } catch (error) {
    await stop()
    throw error
  }
  await stop()
  return null
}

function absolute(job) {
  return job.against === null ? job : { ...job, against: resolve(job.against) }
}
