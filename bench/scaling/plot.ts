/** A plot as an SVG: lines over a common axis, told apart by dashes as well as colour, in the colours of light and dark. */

export interface Plot {
  readonly title: string
  readonly across: string
  readonly at: readonly number[]
  /** Which places on the axis are named. @default all of `at` */
  readonly ticks?: readonly number[]
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[]
}

const [width, height, left, right, top, bottom] = [760, 380, 64, 210, 44, 48]
const styles = [
  ['#d1495b', ''],
  ['#b8860b', '7 4'],
  ['#2e86ab', ''],
  ['#5b8e3a', '2 3'],
  ['#8a5fbf', '10 3 2 3'],
] as const

/** The plot, with an axis upwards that multiplies: waits differ by more than one can see otherwise. */
export function plot({ title, across, at, ticks = at, lines }: Plot): string {
  const all = lines.flatMap(({ values }) => values).filter(value => value > 0)
  const low = Math.floor(Math.log10(Math.min(...all)))
  const high = Math.log10(Math.max(...all)) + 0.05
  const [first, last] = [Math.min(at[0]!, ticks[0]!), Math.max(at.at(-1)!, ticks.at(-1)!)]
  const x = (value: number): number => left + ((value - first) / (last - first)) * (width - left - right)
  const y = (value: number): number =>
    height - bottom - ((Math.log10(value) - low) / (high - low)) * (height - top - bottom)
  // 1, 2, 5, 10 and so on.
  const heights = Array.from({ length: Math.ceil(high) - low + 1 }, (_, place) => 10 ** (low + place))
    .flatMap(decade => [decade, 2 * decade, 5 * decade])
    .filter(value => Math.log10(value) <= high)
  const names = apart(lines.map(({ values }) => y(values.findLast(value => value > 0) ?? 10 ** low)))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<style>
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 15px; font-weight: 600; fill: #24292f }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  @media (prefers-color-scheme: dark) { text { fill: #9198a1 } .title { fill: #e6edf3 } .grid { stroke: #30363d } }
</style>
<text class="title" x="${left}" y="22">${title}</text>
${heights.map(value => `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/><text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${value.toLocaleString('en')}</text>`).join('\n')}
${ticks
  .map(
    value =>
      `<text x="${x(value)}" y="${height - bottom + 18}" text-anchor="middle">${value.toLocaleString('en')}</text>`,
  )
  .join('\n')}
<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">${across}</text>
${lines.map(({ name, values }, place) => line(name, values, place)).join('\n')}
</svg>
`

  function line(name: string, values: readonly number[], place: number): string {
    const [colour, dash] = styles[place % styles.length]!
    const points = values
      .map((value, point) => (value > 0 ? `${x(at[point]!).toFixed(1)},${y(value).toFixed(1)}` : null))
      .filter(point => point !== null)
    return (
      `<polyline fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}" points="${points.join(' ')}"/>` +
      `<text x="${width - right + 8}" y="${names[place]! + 4}" style="fill:${colour}">${name}</text>`
    )
  }
}

/** Heights at least a line of text apart, in the order that they have, and none below the axis. */
function apart(heights: readonly number[]): number[] {
  const moved = [...heights]
  const order = heights.map((_, place) => place).toSorted((a, b) => heights[a]! - heights[b]!)
  for (const [rank, place] of order.entries()) {
    const lowest = height - bottom - 4 - (order.length - 1 - rank) * 15
    const above = rank === 0 ? top : moved[order[rank - 1]!]! + 15
    moved[place] = Math.min(Math.max(moved[place]!, above), lowest)
  }
  return moved
}
