/** What was measured, kept from run to run, and the page that is made of it. */

import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

import { amount, mark } from './report.mjs'

const data = join(import.meta.dirname, 'results.json')
const page = join(import.meta.dirname, 'results.md')

/** Keeps one row: a workload on one version of Node. A later run takes the place of an earlier one. */
export function remember({ name }, { node, short }, result) {
  const kept = read()
  kept[name] ??= {}
  const measuredOn = new Date().toISOString().slice(0, 10)
  kept[name][node.split('.')[0]] = { node, short, measuredOn, cores: availableParallelism(), result }
  writeFileSync(data, `${JSON.stringify(kept, rounded, 1)}\n`)
}

/** Four digits are more than anything here is good for. */
function rounded(_, value) {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value
}

/** Writes `results.md` from all that is kept. */
export function writeResults(works) {
  const kept = read()
  const measured = works.filter(({ name }) => name in kept)
  const runs = measured.flatMap(({ name }) => Object.values(kept[name]))
  const majors = [...new Set(runs.map(({ node }) => node.split('.')[0]))].toSorted((a, b) => a - b)
  const versions = Object.assign(
    {},
    ...runs.flatMap(run => Object.values(run.result).map(each => each.versions)),
  )
  const dates = runs.map(({ measuredOn }) => measuredOn).toSorted()
  const nodes = majors.map(major => runs.findLast(({ node }) => node.split('.')[0] === major).node)

  const columns = majors.map(major => `Node ${major}`)
  const cells = (work, contender, show) =>
    majors.map(major => {
      const found = kept[work.name][major]?.result[contender]
      return found === undefined ? '' : show(found)
    })
  const contendersOf = work => [
    ...new Set(majors.flatMap(major => Object.keys(kept[work.name][major]?.result ?? {}))),
  ]
  const goalRows = measured.flatMap(work =>
    Object.entries(work.goals)
      .filter(([contender]) => contendersOf(work).includes(contender))
      .map(([contender, goal]) => [
        work.title,
        contender,
        `≤ ${goal.toFixed(2)}`,
        ...cells(work, contender, ({ ratio }) => `${ratio.median.toFixed(2)} ${mark(ratio.median, goal)}`),
      ]),
  )
  const rows = measured.flatMap(work =>
    contendersOf(work).map((contender, place) => [
      place === 0 ? `**${work.title}**, ${work.unit}` : '',
      contender,
      ...cells(
        work,
        contender,
        ({ figure, ratio }) =>
          `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}) · ${amount(figure.median)}`,
      ),
    ]),
  )
  const [first, last] = [dates[0], dates.at(-1)]
  const text = [
    '# Results',
    `Measured ${first === last ? `on ${first}` : `from ${first} to ${last}`} with Node ${nodes.join(', ')}, on a machine with ${runs[0].cores} cores${runs.some(({ short }) => short) ? ', partly in the short form, which is noisier' : ''}. Written by \`npm run bench\`; [README.md](README.md) says what each workload and each contender is.`,
    `Versions: ${Object.entries(versions)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '## Goals',
    'The ratio of the time, or of the heap, to `dataloader` in the same run; for the limit, to the ideal schedule; where nothing is loaded, to a server without the plugin. Lower is better. ✗ marks a goal that is missed; each holds on all of these versions.',
    markdown(['work', 'contender', 'goal', ...columns], goalRows),
    '## All',
    'Each cell says: the ratio, median (quartiles) · the median itself, in the unit of the row. Only the ratios of one work on one version of Node compare.',
    markdown(['work', 'contender', ...columns], rows),
  ]
  writeFileSync(page, `${text.join('\n\n')}\n`)
}

const line = cells => `| ${cells.join(' | ')} |`

function markdown(head, rows) {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function read() {
  try {
    return JSON.parse(readFileSync(data, 'utf8'))
  } catch {
    return {}
  }
}
