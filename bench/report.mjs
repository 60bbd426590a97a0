/** What is printed while the workloads run. */

const timeWidths = [30, 10, 20, 8, 15, 8, 8]
const columns = ['', 'median', 'quartiles', 'ratio', 'quartiles', 'goal', 'bulks']

export function heading(version) {
  return `\nNode ${version}. Lower is better; the ratio is to the first of each work; ✗ where a goal is missed.\n${line(columns)}`
}

/** The lines of one work. */
export function section(work, result) {
  const lines = Object.entries(result).map(([name, { figure, ratio, bulks }]) => {
    const goal = work.goals[name]
    return line([
      `  ${name}`,
      amount(figure.median),
      `${amount(figure.low)} – ${amount(figure.high)}`,
      ratio.median.toFixed(2),
      `${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)}`,
      goal === undefined ? '' : `${mark(ratio.median, goal)} ${goal.toFixed(2)}`,
      bulks === null ? '' : amount(bulks),
    ])
  })
  return [`${work.name}: ${work.title}, ${work.unit}`, ...lines].join('\n')
}

const countWidths = [24, 16, 18, 16, 16, 16]
const countColumns = ['', 'bulks', 'promises', 'timers', 'listeners', 'clocks']

export function countHeading(version) {
  return `\nNode ${version}. What one operation makes; in brackets, for each of its loads.\n${line(countColumns, countWidths)}`
}

/** The lines of one work whose operations were counted. */
export function countSection({ name, title, loads }, counts) {
  const cell = count => (loads === 1 ? amount(count) : `${amount(count)} (${amount(count / loads)})`)
  const lines = Object.entries(counts)
    .filter(([, found]) => found !== null)
    .map(([contender, { bulks, promises, timers, listeners, clocks }]) =>
      line([`  ${contender}`, ...[bulks, promises, timers, listeners, clocks].map(cell)], countWidths),
    )
  return [`${name}: ${title}`, ...lines].join('\n')
}

/** Whether a ratio, as it is shown, keeps its goal. */
export function mark(ratio, goal) {
  return Number(ratio.toFixed(2)) <= Number(goal.toFixed(2)) ? '✓' : '✗'
}

function line(cells, widths = timeWidths) {
  return cells
    .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
    .join('')
    .trimEnd()
}

export function amount(value) {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 })
}
