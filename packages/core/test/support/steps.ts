/**
 * How many steps does the core take for a call, a key or a unit of work of each storm, in two sizes? In a process of its own.
 * Prints its findings as JSON.
 */

import { countSteps } from '../../../../test/support/steps.ts'
import { storms } from './storms.ts'

const newSteps = countSteps(/\/packages\/core\/src\//)
const report: Record<string, readonly number[]> = {}
for (const [name, storm] of Object.entries(storms)) {
  const steps: number[] = []
  for (const count of [100, 1000]) {
    newSteps()
    await storm(count)
    steps.push(newSteps() / count)
  }
  report[name] = steps
}
console.log(JSON.stringify(report))
