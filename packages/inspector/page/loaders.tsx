/**
 * What each loader did, as a table.
 * @module
 */

import type { JSX } from 'preact'
import type { RecordedOperation } from '../src/recording.ts'
import { endOf, loadersIn, phases } from './facts.ts'
import { percent, short } from './numbers.ts'

export function Loaders({ operation }: { operation: RecordedOperation }): JSX.Element {
  return (
    <div class="scroll">
      <table>
        <caption>Loaders; times are the mean of a bulk, in ms</caption>
        <thead>
          <tr>
            {['loader', 'bulks', 'loads', 'hits', 'in a bulk', 'fill', 'none', ...phases, 'failed'].map(
              head => (
                <th key={head} scope="col">
                  {head}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {loadersIn(operation, endOf(operation)).map(each => {
            const { loader, bulks, loads, hits, tasks, size, none, failed } = each
            return (
              <tr key={loader}>
                <th scope="row">{loader}</th>
                <td>{bulks.length.toLocaleString('en')}</td>
                <td>{loads.toLocaleString('en')}</td>
                <td>{hits.toLocaleString('en')}</td>
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
