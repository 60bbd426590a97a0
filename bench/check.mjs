/** What must not be: the part of the benchmark that can fail. */

import { exact } from './exact.mjs'
import { reached } from './goals.mjs'
import { startRunner } from './race.mjs'

/** Noise alone does not double a ratio. */
const tolerance = 2

export function wrongRatios(work, result) {
  return Object.entries(work.goals).flatMap(([name, goal]) => {
    const bound = tolerance * (reached[work.name]?.[name] ?? goal)
    const ratio = result[name]?.ratio.median ?? 0
    return ratio > bound
      ? [
          `${work.name}, ${name}: the ratio is ${ratio.toFixed(2)}, more than ${bound.toFixed(2)}, twice what it was`,
        ]
      : []
  })
}

export async function wrongCounts(work, { node, only }) {
  const failures = []
  for (const [name, expected] of Object.entries(exact[work.name] ?? {})) {
    if (only !== null && !only.includes(name)) continue
    const counts = await countsOfOperation(work, name, { node })
    for (const [what, count] of Object.entries(counts ?? {}))
      if (expected[what] !== undefined && expected[what] !== count)
        failures.push(
          `${work.name}, ${name}: ${count} ${what}, not ${expected[what]}; if that is meant, change exact.mjs`,
        )
  }
  return failures
}

/** What one operation makes, the same on every machine; `null` where the contender is not to be had. */
export async function countsOfOperation(work, name, { node, env }) {
  const runner = await startRunner(node, { work: work.name, name, against: null, counting: true }, env)
  if (runner === null) return null
  try {
    return { bulks: runner.bulks, ...(await runner.ask({})) }
  } finally {
    await runner.stop()
  }
}
