/**
 * The list of operations: by name and document, with what their runs have in common.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { durationOf, hasFailed } from './facts.ts'
import type { Group } from './groups.ts'
import { moveFocus } from './keyboard.ts'
import { figure, many, time, timeOfDay } from './numbers.ts'

interface Props {
  readonly groups: readonly Group[]
  readonly chosen: string | undefined
  readonly onChoose: (key: string) => void
}

export function GroupList({ groups, chosen, onChoose }: Props): JSX.Element {
  const nav = useRef<HTMLElement>(null)
  useEffect(
    () => nav.current?.querySelector('[aria-current=true]')?.scrollIntoView({ block: 'nearest' }),
    [chosen],
  )
  return (
    <nav ref={nav} aria-label="Operations">
      <ul onKeyDown={moveFocus}>
        {groups.map(group => (
          <li key={group.key}>
            <Entry group={group} isChosen={group.key === chosen} onChoose={onChoose} />
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Entry({
  group,
  isChosen,
  onChoose,
}: {
  readonly group: Group
  readonly isChosen: boolean
  readonly onChoose: (key: string) => void
}): JSX.Element {
  const { key, title, kind, runs, p50, p95, bulks, failures, latest } = group
  const isRunning = latest.ms === null
  return (
    <button aria-current={isChosen} onClick={() => onChoose(key)}>
      <span class="name">{title}</span>
      <Latest group={group} />
      <span class="when">
        {kind !== null && kind !== 'query' && `${kind} · `}
        {many(runs.length, 'run')} · {timeOfDay(latest.at, 0)}
      </span>
      <span class="numbers">
        {p50 === null ? (
          'running …'
        ) : (
          <>
            <span>
              <small>p50</small> {time(p50)}
            </span>
            <span>
              <small>p95</small> {time(p95!)}
            </span>
          </>
        )}
        <span>
          {figure(Number(bulks.toFixed(1)))} <small>{bulks === 1 ? 'bulk' : 'bulks'}</small>
        </span>
        {isRunning && p50 !== null && <span class="muted">running …</span>}
        {failures > 0 && <span class="bad">✕ {failures} failed</span>}
      </span>
    </button>
  )
}

/** As many of the latest runs as have room. */
const mostBars = 16

/** How long the latest runs took, beside each other. */
function Latest({ group }: { readonly group: Group }): JSX.Element {
  const runs = group.runs.slice(-mostBars)
  const longest = Math.max(...runs.map(durationOf), 0.001)
  return (
    <span class="latest" aria-hidden="true">
      {runs.map(run => (
        <i
          key={run.id}
          class={hasFailed(run) ? 'failed' : ''}
          style={{ height: `${(100 * durationOf(run)) / longest}%` }}
        />
      ))}
    </span>
  )
}
