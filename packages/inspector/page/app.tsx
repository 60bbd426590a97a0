/**
 * The page: the operations on one side, a run of the chosen one on the other.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Recording } from '../src/recording.ts'
import { Comparison } from './comparison.tsx'
import { GroupList } from './group-list.tsx'
import { groupsOf, type Documents, type Filter } from './groups.ts'
import { Guard } from './guard.tsx'
import { onKeys } from './keyboard.ts'
import { listen, nothing, type Live } from './live.ts'
import { clamp } from './numbers.ts'
import { readFile } from './recorded-file.ts'
import { RunHead } from './run-head.tsx'
import { RunView } from './run-view.tsx'
import { Runs } from './runs.tsx'
import { Status, Trouble } from './status.tsx'
import { Help, Tip } from './tip.tsx'

interface Opened {
  readonly name: string
  readonly recording: Recording
}

/** The path of the endpoint, where GraphiQL is. */
const endpoint = location.pathname.replace(/\/bulk$/, '') || '/'

export function App(): JSX.Element {
  const [live, setLive] = useState<Live>(nothing)
  const [file, setFile] = useState<Opened | null>(null)
  const [complaint, setComplaint] = useState<string | null>(null)
  const [filter, setFilter] = useState<Filter>({ text: '', onlyFailed: false, slowestFirst: false })
  const [groupKey, setGroupKey] = useState<string | null>(null)
  const [runId, setRunId] = useState<number | null>(null)
  const [otherId, setOtherId] = useState<number | null>(null)
  const [bulkId, setBulkId] = useState<number | null>(null)
  // On a small screen there is the list, or a run.
  const [isOpen, setOpen] = useState(false)
  const search = useRef<HTMLInputElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const retry = useRef(() => {})

  useEffect(() => {
    retry.current = listen(setLive)
  }, [])

  const operations = file?.recording.operations ?? live.operations
  const documents: Documents = useMemo(
    () => (file === null ? live.documents : new Map(file.recording.documents.map(each => [each.id, each]))),
    [file, live.documents],
  )
  const groups = useMemo(() => groupsOf(operations, documents, filter), [operations, documents, filter])
  // Who has chosen nothing follows what is on top, and its latest run.
  const group = groups.find(({ key }) => key === groupKey) ?? groups[0]
  const run = group?.runs.find(({ id }) => id === runId) ?? group?.latest
  const other = group?.runs.find(({ id }) => id === otherId && id !== run?.id) ?? null

  function choose(key: string | null, id: number | null = null): void {
    setGroupKey(key)
    setRunId(id)
    setBulkId(null)
    if (key !== group?.key) setOtherId(null)
  }

  function step(by: number): void {
    const place = group === undefined ? 0 : groups.indexOf(group) + by
    const next = groups[clamp(place, 0, groups.length - 1)]
    if (next !== undefined) choose(next.key)
  }

  function stepRun(by: number): void {
    const next = group?.runs[group.runs.indexOf(run!) + by]
    if (next !== undefined) choose(group!.key, next.id)
  }

  // With the page that it acts on, not a frame later: a letter that comes in between would act on the page before.
  useLayoutEffect(() => {
    const letters = onKeys({
      j: () => step(1),
      k: () => step(-1),
      h: () => stepRun(-1),
      l: () => stepRun(1),
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
    <div class={`page${isOpen ? ' opened' : ''}`}>
      <div class="side">
        <header>
          <h1>Inspector</h1>
          <Status connection={live.connection} file={file !== null} />
          <a href={endpoint}>GraphiQL</a>
        </header>
        <div class="filter">
          <input
            ref={search}
            type="search"
            placeholder="Search"
            aria-label="Search names and documents"
            value={filter.text}
            onInput={event => setFilter({ ...filter, text: event.currentTarget.value })}
          />
          <button onClick={() => picker.current?.click()}>Open …</button>
          <input
            ref={picker}
            type="file"
            accept=".json,application/json"
            hidden
            aria-label="Open a recording"
            onChange={event => void open(event.currentTarget)}
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
          <Help term="quantiles" />
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
        {file === null && <Trouble {...live} onRetry={() => retry.current()} />}
        <GroupList
          groups={groups}
          chosen={group?.key}
          onChoose={key => {
            choose(key)
            setOpen(true)
          }}
        />
        <Keys />
      </div>
      <main>
        <button class="back" onClick={() => setOpen(false)}>
          ‹ all operations
        </button>
        {group === undefined || run === undefined ? (
          <Nothing some={operations.length > 0} />
        ) : (
          <>
            <RunHead operation={run} operations={operations} documents={documents} />
            <Runs
              runs={group.runs}
              chosen={run}
              other={other}
              onChoose={id => choose(group.key, id)}
              onCompare={setOtherId}
            />
            <Guard of={run}>
              {other === null ? (
                <RunView
                  key={file?.name}
                  operation={run}
                  operations={operations}
                  documents={documents}
                  isLive={file === null && live.connection === 'live'}
                  bulk={bulkId}
                  onBulk={setBulkId}
                />
              ) : (
                <Comparison left={run} right={other} />
              )}
            </Guard>
          </>
        )}
      </main>
      <Tip />
    </div>
  )
}

const keys: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['j', 'k'], 'operation'],
  [['h', 'l'], 'run'],
  [['n'], 'newest'],
  [['↑', '↓'], 'in a list'],
  [['+', '−', '0'], 'zoom'],
  [['/'], 'search'],
]

function Keys(): JSX.Element {
  return (
    <footer aria-hidden="true">
      {keys.map(([those, what]) => (
        <span key={what}>
          {those.map(key => (
            <kbd key={key}>{key}</kbd>
          ))}{' '}
          {what}
        </span>
      ))}
    </footer>
  )
}

function Nothing({ some }: { some: boolean }): JSX.Element {
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
