/**
 * The document with the cost at its fields: which field wanted how many keys of which loader, how many were cached, how
 * long it waited and for what.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { durationOf } from './facts.ts'
import { isNPlusOne, type FieldCost, type LoaderCost } from './field-costs.ts'
import type { Documents } from './groups.ts'
import { figure, many, time } from './numbers.ts'
import { Help } from './tip.tsx'
import { doings, terms } from './words.ts'

interface Props {
  readonly operation: RecordedOperation
  readonly documents: Documents
  readonly costs: readonly FieldCost[]
  /** The field whose bulks are in the foreground. */
  readonly chosen: FieldCost | null
  readonly onChoose: (cost: FieldCost | null) => void
}

export function DocumentView({ operation, documents, costs, chosen, onChoose }: Props): JSX.Element | null {
  const lines = (operation.documents ?? []).flatMap(id => {
    const document = documents.get(id)
    return (document?.lines ?? []).map(([depth, text], n) => ({ number: id + n, depth, text }))
  })
  const byLine = new Map(costs.flatMap(cost => (cost.line === null ? [] : [[cost.line, cost] as const])))
  const shown = new Set(lines.map(({ number }) => number))
  const others = costs.filter(({ line }) => line === null || !shown.has(line))
  if (lines.length === 0 && costs.length === 0) return null
  const end = durationOf(operation)
  const row = (
    key: number | string,
    depth: number,
    text: string,
    cost: FieldCost | undefined,
  ): JSX.Element => <Line key={key} {...{ depth, text, cost, end, chosen, onChoose }} />
  return (
    <section class="document" aria-label="Document">
      <h2>
        Document <Help term="document" />
        <small class="column">
          waited <Help term="waited" />
        </small>
      </h2>
      <ol>
        {lines.map(({ number, depth, text }) => row(number, depth, text, byLine.get(number)))}
        {others.map(cost => row(`${cost.line} ${cost.name}`, 0, cost.name ?? 'a field', cost))}
      </ol>
      {operation.variables !== undefined && (
        <p class="variables">
          <small>variables</small> <code>{operation.variables}</code>
        </p>
      )}
    </section>
  )
}

interface LineProps extends Pick<Props, 'chosen' | 'onChoose'> {
  readonly depth: number
  readonly text: string
  readonly cost: FieldCost | undefined
  readonly end: number
}

function Line({ depth, text, cost, end, chosen, onChoose }: LineProps): JSX.Element {
  const indent = `${depth * 1.2}em`
  const code = <code style={{ paddingLeft: indent }}>{text}</code>
  if (cost === undefined) return <li class="plain">{code}</li>
  const isChosen = chosen !== null && chosen.line === cost.line && chosen.name === cost.name
  return (
    <li>
      <button
        class="field"
        style={{ '--depth': indent }}
        aria-pressed={isChosen}
        aria-label={describe(cost, text)}
        data-tip={tipOf(cost)}
        onClick={() => onChoose(isChosen ? null : cost)}
      >
        {code}
        <span class="costs">
          {cost.loaders.map(each => (
            <Loaded key={each.loader} cost={each} />
          ))}
        </span>
        <span class="waited">
          <span class="shares">
            {cost.shares.map(({ doing, ms }) => (
              <i key={doing} class={doing} style={{ width: `${(100 * ms) / end}%` }} />
            ))}
          </span>
          <b>{cost.waited > 0 ? time(cost.waited) : '–'}</b>
        </span>
      </button>
    </li>
  )
}

function Loaded({ cost }: { readonly cost: LoaderCost }): JSX.Element {
  const { loader, asked, cached, bulks } = cost
  return (
    <span>
      <b>{loader}</b>
      {asked > 0 && ` ${many(asked, 'key')} in ${many(bulks.length, 'bulk')}`}
      {cached > 0 && <span class="muted"> {figure(cached)} cached</span>}
      {isNPlusOne(cost) && <em class="warn">N+1</em>}
    </span>
  )
}

function inWords({ loader, asked, cached, bulks }: LoaderCost): string {
  return `${many(asked, 'key')} of ${loader} in ${many(bulks.length, 'bulk')}, ${figure(cached)} cached`
}

function describe(cost: FieldCost, text: string): string {
  return `${cost.name ?? text}: ${cost.loaders.map(inWords).join('; ')}; waited ${time(cost.waited)}`
}

function tipOf(cost: FieldCost): string {
  return [
    cost.name ?? 'Everything was cached',
    ...cost.loaders.map(inWords),
    ...cost.shares.map(({ doing, ms }) => `${doings[doing]}: ${time(ms)}`),
    ...(cost.loaders.some(isNPlusOne) ? [terms.nPlusOne] : []),
  ].join('\n')
}
