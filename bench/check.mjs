/** What must not be: the part of the benchmark that can fail. */

import { exact } from './exact.mjs'
import { goals, reached } from './goals.mjs'
import { startRunner } from './race.mjs'

/** Noise alone does not double a ratio. */
const tolerance = 2

export function wrongRatios(work, result) {
  return Object.entries(goals[work.name] ?? {}).flatMap(([name, goal]) => {
    const bound = tolerance * (reached[work.name]?.[name] ?? goal)
    const ratio = result[name]?.ratio.median ?? 0
    return ratio > bound
      ? [
          `${work.name}, ${name}: the ratio is ${ratio.toFixed(2)}, more than ${bound.toFixed(2)}, twice what it was`,
        ]
      : []
  })
}

/** Bulks and promises of one operation: the same on every machine. */
export async function wrongCounts(work, { node, only }) {
  const failures = []
  for (const [name, expected] of Object.entries(exact[work.name] ?? {})) {
    if (only !== null && !only.includes(name)) continue
    const runner = await startRunner(node, { work: work.name, name, against: null, counting: true })
    if (runner === null) continue
    try {
      const { promises } = await runner.ask({})
      for (const [what, count] of Object.entries({ bulks: runner.bulks, promises }))
        if (expected[what] !== undefined && expected[what] !== count)
          failures.push(
            `${work.name}, ${name}: ${count} ${what}, not ${expected[what]}; if that is meant, change exact.mjs`,
          )
    } finally {
      await runner.stop()
    }
  }
  return failures
}
