/**
 * What each loader did, as a table.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { endOf, loadersIn, phases } from './facts.ts'
import { figure, percent, short } from './numbers.ts'
import { Help } from './tip.tsx'
import type { Term } from './words.ts'

const heads: readonly (readonly [head: string, term?: Term])[] = [
  ['loader'],
  ['bulks', 'bulk'],
  ['loads', 'loads'],
  ['cached', 'cached'],
  ['keys a bulk'],
  ['fill', 'fill'],
  ['none', 'none'],
  ['window', 'window'],
  ['loop', 'loop'],
  ['slot', 'slot'],
  ['function', 'command'],
  ['failed'],
]

export function Loaders({ operation }: { operation: RecordedOperation }): JSX.Element {
  const now = endOf(operation)
  return (
    <div class="scroll">
      <table>
        <caption>
          <b>Loaders</b> <small>times are the mean of a bulk, in ms</small>
        </caption>
        <thead>
          <tr>
            {heads.map(([head, term]) => (
              <th key={head} scope="col">
                {head} {term && <Help term={term} />}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {loadersIn(operation, now).map(each => {
            const { loader, bulks, loads, hits, tasks, size, none, failed } = each
            return (
              <tr key={loader}>
                <th scope="row">{loader}</th>
                <td>{figure(bulks.length)}</td>
                <td>{figure(loads)}</td>
                <td>{figure(hits)}</td>
                <td>{bulks.length > 0 ? (tasks / bulks.length).toFixed(1) : '–'}</td>
                <td>{size === null ? '–' : percent(tasks, size * bulks.length)}</td>
                <td>{none}</td>
                {phases.map(phase => (
                  <td key={phase}>{short(each[phase])}</td>
                ))}
                <td class={failed > 0 ? 'bad' : ''}>{failed}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
