/**
 * The list of operations, and what is shown of it.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { RecordedOperation } from '../src/recording.ts'
import { endOf, hasFailed, savedBy } from './facts.ts'
import { moveFocus } from './keyboard.ts'
import { many, time, titleOf } from './numbers.ts'

/** Which operations are shown, and in which order. */
export interface Filter {
  readonly name: string
  readonly onlyFailed: boolean
  readonly slowestFirst: boolean
}

/** The newest first, or the slowest. */
export function shown(operations: readonly RecordedOperation[], filter: Filter): RecordedOperation[] {
  const name = filter.name.trim().toLowerCase()
  const those = operations.filter(
    operation =>
      titleOf(operation).toLowerCase().includes(name) && (!filter.onlyFailed || hasFailed(operation)),
  )
  return those.toSorted(
    (a, b) => (filter.slowestFirst ? endOf(b) - endOf(a) : 0) || b.at - a.at || b.id - a.id,
  )
}

interface Props {
  readonly operations: readonly RecordedOperation[]
  readonly chosen: number | undefined
  readonly onChoose: (id: number) => void
}

export function Operations({ operations, chosen, onChoose }: Props): JSX.Element {
  const nav = useRef<HTMLElement>(null)
  useEffect(
    () => nav.current?.querySelector('[aria-current=true]')?.scrollIntoView({ block: 'nearest' }),
    [chosen],
  )
  const longest = Math.max(...operations.map(endOf))
  return (
    <nav ref={nav} aria-label="Operations">
      <ul onKeyDown={moveFocus}>
        {operations.map(operation => {
          const { loads, bulks } = savedBy(operation)
          const failed = hasFailed(operation)
          return (
            <li key={operation.id}>
              <button
                aria-current={operation.id === chosen}
                class={failed ? 'failed' : ''}
                onClick={() => onChoose(operation.id)}
              >
                <span class="name">{titleOf(operation)}</span>
                <span class="ms">{operation.ms === null ? 'running …' : time(operation.ms)}</span>
                <span class="what">
                  {many(loads, 'load')}, {many(bulks, 'bulk')}
                </span>
                {failed && <span class="bad">✕ failed</span>}
                <i style={{ width: `${(100 * endOf(operation)) / longest}%` }} />
              </button>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}
