/**
 * An inspection: all questions about all files, and what came of it.
 * @module
 */

import { questions, type FileStats, type Settings } from './questions.ts'
import { Tally, type Count } from './tally.ts'

export interface Inspection {
  readonly files: readonly FileStats[]
  readonly failures: readonly Failure[]
  readonly tally: Tally
}

/** A file without answers. The others have theirs. */
export interface Failure {
  readonly path: string
  readonly reason: string
}

export async function inspect(
  paths: readonly string[],
  settings: Settings,
  changed?: (sum: Count) => void,
): Promise<Inspection> {
  const inspectFile = questions(settings)
  const tally = new Tally(changed)
  const outcomes = await Promise.allSettled(paths.map(inspectFile))
  tally.stop()

  const files: FileStats[] = []
  const failures: Failure[] = []
  outcomes.forEach((outcome, place) => {
    if (outcome.status === 'fulfilled') files.push(outcome.value)
    else failures.push({ path: paths[place]!, reason: (outcome.reason as Error).message })
  })
  return { files, failures, tally }
}
