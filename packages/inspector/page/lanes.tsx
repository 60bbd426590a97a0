/**
 * Lanes: how many slots of each limiter were in use, along the time. Other operations may have had some of them.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { endOf, limiterName } from './facts.ts'
import { many, percent } from './numbers.ts'
import { Help } from './tip.tsx'

interface Props {
  readonly operation: RecordedOperation
  readonly operations: readonly RecordedOperation[]
  readonly width: number
}

/** How many slots are in use from an instant on. */
type Step = readonly [at: number, inUse: number]

export function Lanes({ operation, operations, width }: Props): JSX.Element | null {
  const lanes = operation.limiters.filter(({ slots }) => slots !== null)
  if (lanes.length === 0) return null
  return (
    <section class="lanes" aria-label="Slots in use">
      <h2>
        Slots in use <Help term="slots" />
      </h2>
      {lanes.map(({ id, slots }) => {
        const own = stepsOf(id, [operation], operation, width)
        const all = stepsOf(id, operations, operation, width)
        const most = Math.max(slots!, ...all.map(([, inUse]) => inUse))
        const full = timeFull(all, slots!, endOf(operation))
        const name = limiterName(id, operation)
        const text = `${many(slots!, 'slot')}, all in use ${percent(full, endOf(operation))} of the time`
        return (
          <div class="lane" key={id} role="img" aria-label={`${name}: ${text}`}>
            <span class="label">
              <b>{name}</b>
              <small>
                {many(slots!, 'slot')} · full {percent(full, endOf(operation))}
              </small>
            </span>
            <svg viewBox={`0 0 ${width} ${most}`} preserveAspectRatio="none" aria-hidden="true">
              <path class="others" d={area(all, most, width)} />
              <path class="own" d={area(own, most, width)} />
            </svg>
          </div>
        )
      })}
    </section>
  )
}

/** The slots that these operations had of a limiter, on the clock of one of them. */
function stepsOf(
  id: number,
  operations: readonly RecordedOperation[],
  { at }: RecordedOperation,
  width: number,
): Step[] {
  const changes: [number, number][] = []
  for (const operation of operations) {
    const offset = operation.at - at
    for (const { limiters, startedAt, settledAt } of operation.bulks) {
      if (!limiters.includes(id) || startedAt === null) continue
      const [from, to] = [offset + startedAt, settledAt === null ? Infinity : offset + settledAt]
      if (to <= 0 || from >= width) continue
      changes.push([Math.max(0, from), 1], [Math.min(width, to), -1])
    }
  }
  let inUse = 0
  return changes
    .toSorted(([a, more], [b, less]) => a - b || more - less)
    .map(([instant, change]) => [instant, (inUse += change)])
}

function area(steps: readonly Step[], most: number, width: number): string {
  const lines = steps.map(([at, inUse]) => `H${at}V${most - inUse}`)
  return `M0 ${most}${lines.join('')}H${width}V${most}Z`
}

function timeFull(steps: readonly Step[], slots: number, end: number): number {
  return steps.reduce((sum, [at, inUse], n) => {
    const to = Math.min(end, steps[n + 1]?.[0] ?? end)
    return inUse >= slots && to > at ? sum + to - at : sum
  }, 0)
}
