/**
 * Steps: how much work a program makes for the sources of this repository, in numbers that depend on no clock. For programs in a
 * process of their own, since counting is on from then on.
 */

import { Session, type Profiler } from 'node:inspector'

const session = new Session()

/** The answer comes at once: it is this process that is asked. */
function profile(method: string, options?: object): unknown {
  let answer: unknown
  session.post(method, options, (error, result) => {
    if (error !== null) throw error
    answer = result
  })
  return answer
}

/**
 * Begins to count. A step is what V8 counts for coverage: a function that is called, or a block that is entered.
 * @param sources the files whose steps count
 * @returns how many there were since it was last asked
 */
export function countSteps(sources: RegExp): () => number {
  session.connect()
  profile('Profiler.enable')
  profile('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return () => {
    const { result } = profile('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
    let steps = 0
    for (const { url, functions } of result)
      if (sources.test(url))
        for (const { ranges } of functions) for (const { count } of ranges) steps += count
    return steps
  }
}
