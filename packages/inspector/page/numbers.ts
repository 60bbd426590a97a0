/**
 * Numbers and names, as people read them.
 * @module
 */

export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

/** A time, with as many digits as say something. */
export function time(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`
  return `${short(ms)} ms`
}

/** The same without its unit. */
export function short(ms: number): string {
  if (ms >= 100 || ms < 0.005) return ms.toFixed(0)
  return ms >= 1 ? ms.toFixed(1) : ms.toFixed(2)
}

/** A number, its thousands apart. */
export function figure(value: number): string {
  return value.toLocaleString('en')
}

export function many(count: number, one: string): string {
  return `${figure(count)} ${one}${count === 1 ? '' : 's'}`
}

export function percent(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((100 * part) / whole)}\u00a0%` : '–'
}

/** No bound, or the number. */
export function bound(value: number | null, unit = ''): string {
  return value === null ? 'no limit' : `${figure(value)}${unit}`
}

/** How an operation is called that its client gave no name. */
export function titleOf({
  name,
  kind,
}: {
  readonly name: string | null
  readonly kind: string | null
}): string {
  return name ?? `unnamed ${kind ?? 'operation'}`
}

/** The time of day. With a digit more two runs within one second differ. */
export function timeOfDay(at: number, digits: 0 | 1 = 1): string {
  const date = new Date(at)
  const second = two(date.getSeconds()) + (digits === 0 ? '' : `.${Math.floor((at % 1000) / 100)}`)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${second}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** A time without digits that say nothing. */
export function round(ms: number): string {
  return ms === 0 ? '0' : time(ms).replace(/\.?0+(?= )(?<=\..*)/, '')
}

/** Instants to write along the time: round numbers, about six of them, the last not too near the edge for its text. */
export function ticksOf(width: number, from = 0): number[] {
  const rough = width / 6
  const ten = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(n => n * ten).find(each => each >= rough)!
  const first = Math.ceil(from / step)
  const last = Math.floor((from + 0.84 * width) / step)
  return Array.from({ length: last - first + 1 }, (_, n) => Number(((first + n) * step).toPrecision(12)))
}
