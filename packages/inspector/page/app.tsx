/**
 * The page: the operations on one side, the chosen one on the other.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Recording } from '../src/recording.ts'
import { Details } from './details.tsx'
import { onLetters } from './keyboard.ts'
import { listen, type Live } from './live.ts'
import { OperationView } from './operation-view.tsx'
import { Operations, shown, type Filter } from './operations.tsx'
import { readFile } from './recorded-file.ts'

export function App(): JSX.Element {
  const [live, setLive] = useState<Live>({ connected: false, operations: [] })
  const [file, setFile] = useState<{ readonly name: string; readonly recording: Recording } | null>(null)
  const [complaint, setComplaint] = useState<string | null>(null)
  const [filter, setFilter] = useState<Filter>({ name: '', onlyFailed: false, slowestFirst: false })
  const [chosenId, setChosenId] = useState<number | null>(null)
  const [bulkId, setBulkId] = useState<number | null>(null)
  const search = useRef<HTMLInputElement>(null)
  const picker = useRef<HTMLInputElement>(null)

  useEffect(() => listen(setLive), [])

  const operations = file?.recording.operations ?? live.operations
  const list = useMemo(() => shown(operations, filter), [operations, filter])
  // Who has chosen nothing follows what is on top.
  const chosen = list.find(({ id }) => id === chosenId) ?? list[0]
  const bulk = chosen?.bulks.find(({ id }) => id === bulkId)

  function choose(id: number | null): void {
    setChosenId(id)
    setBulkId(null)
  }

  function step(by: number): void {
    const place = chosen === undefined ? 0 : list.indexOf(chosen) + by
    const next = list[Math.min(Math.max(place, 0), list.length - 1)]
    if (next !== undefined) choose(next.id)
  }

  // With the page that it acts on, not a frame later: a letter that comes in between would act on the page before.
  useLayoutEffect(() => {
    const letters = onLetters({
      j: () => step(1),
      k: () => step(-1),
      n: () => choose(null),
      f: () => setFilter({ ...filter, onlyFailed: !filter.onlyFailed }),
      s: () => setFilter({ ...filter, slowestFirst: !filter.slowestFirst }),
      '/': () => search.current?.focus(),
      Escape: () => {
        search.current?.blur()
        setBulkId(null)
      },
    })
    addEventListener('keydown', letters)
    return () => removeEventListener('keydown', letters)
  })

  async function open(from: HTMLInputElement): Promise<void> {
    const [opened] = from.files ?? []
    if (opened === undefined) return
    try {
      setFile({ name: opened.name, recording: await readFile(opened) })
      setComplaint(null)
      choose(null)
    } catch (error) {
      setComplaint(error instanceof Error ? error.message : String(error))
    }
    // So that the same file can be chosen again.
    from.value = ''
  }

  return (
    <>
      <div class="side">
        <header>
          <h1>Bulks</h1>
          <span class={`state${live.connected && file === null ? ' on' : ''}`} role="status">
            {file === null ? (live.connected ? 'live' : 'connecting …') : 'file'}
          </span>
          <button onClick={() => picker.current?.click()}>Open …</button>
          <input
            ref={picker}
            type="file"
            accept=".json,application/json"
            hidden
            aria-label="Open a recording"
            onChange={event => void open(event.currentTarget)}
          />
        </header>
        <div class="filter">
          <input
            ref={search}
            type="search"
            placeholder="Filter by name"
            aria-label="Filter by name"
            value={filter.name}
            onInput={event => setFilter({ ...filter, name: event.currentTarget.value })}
          />
          <label>
            <input
              type="checkbox"
              checked={filter.onlyFailed}
              onChange={event => setFilter({ ...filter, onlyFailed: event.currentTarget.checked })}
            />
            only failed
          </label>
          <label>
            <input
              type="checkbox"
              checked={filter.slowestFirst}
              onChange={event => setFilter({ ...filter, slowestFirst: event.currentTarget.checked })}
            />
            slowest first
          </label>
        </div>
        {complaint !== null && (
          <p class="error" role="alert">
            {complaint}
          </p>
        )}
        {file !== null && (
          <p class="banner">
            <span>{file.name}</span>
            <button
              onClick={() => {
                setFile(null)
                choose(null)
              }}
            >
              Back to live
            </button>
          </p>
        )}
        <Operations operations={list} chosen={chosen?.id} onChoose={choose} />
        <footer aria-hidden="true">
          <span>
            <kbd>j</kbd> <kbd>k</kbd> next, previous
          </span>
          <span>
            <kbd>n</kbd> newest
          </span>
          <span>
            <kbd>↑</kbd> <kbd>↓</kbd> in a list
          </span>
          <span>
            <kbd>/</kbd> filter
          </span>
          <span>
            <kbd>f</kbd> failed
          </span>
          <span>
            <kbd>s</kbd> slowest
          </span>
        </footer>
      </div>
      <main class={bulk === undefined ? '' : 'with-details'}>
        {chosen === undefined ? (
          <Nothing some={operations.length > 0} />
        ) : (
          <OperationView operation={chosen} operations={operations} bulk={bulkId} onBulk={setBulkId} />
        )}
      </main>
      {chosen !== undefined && bulk !== undefined && (
        <Details operation={chosen} bulk={bulk} onClose={() => setBulkId(null)} />
      )}
    </>
  )
}

function Nothing({ some }: { some: boolean }): JSX.Element {
  const endpoint = location.pathname.replace(/\/bulk$/, '') || '/'
  return (
    <div class="nothing">
      <h2>{some ? 'No operation fits the filter.' : 'Nothing has been loaded yet.'}</h2>
      {!some && (
        <p>
          Run a query whose resolvers load something, such as <code>ctx.bulk.users.load(id)</code>, at{' '}
          <a href={endpoint}>{endpoint}</a>. It appears here while it runs.
        </p>
      )}
    </div>
  )
}
