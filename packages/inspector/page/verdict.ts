/**
 * The verdict: why an operation took as long as it did, in one or two sentences.
 * @module
 */

import type { RecordedOperation } from '../src/recording.ts'
import { durationOf, loadersIn, sharesOf, timeIn, type Doing, type LoaderFacts, type Phase } from './facts.ts'
import { many, time } from './numbers.ts'

export function verdictOn(operation: RecordedOperation): string {
  if (operation.bulks.length === 0) return 'Everything that it loaded was cached.'
  const end = durationOf(operation)
  const { doing, ms } = sharesOf(operation).reduce((most, share) => (share.ms > most.ms ? share : most))
  const late = operation.bulks.filter(({ timedOut }) => timedOut)
  const timeouts = late.length > 0 ? `${many(late.length, 'bulk')} of ${namesIn(late)} timed out. ` : ''
  return timeouts + verdicts[doing](`${time(ms)} of ${time(end)}`, loadersIn(operation, end), end)
}

function namesIn(bulks: readonly { readonly loader: string }[]): string {
  return [...new Set(bulks.map(({ loader }) => loader))].join(', ')
}

/** What is said where most time went there: so much of the whole. */
const verdicts: Readonly<
  Record<Doing, (of: string, loaders: readonly LoaderFacts[], end: number) => string>
> = {
  slot(of, loaders, end) {
    const { loader, bulks } = worst(loaders, 'slot')
    const waited = bulks.filter(bulk => timeIn('slot', bulk, end) > 0)
    return `Short of slots: for ${of}, bulks were ready and had no slot, ${many(waited.length, 'bulk')} of ${loader} among them. Try more slots, or larger bulks.`
  },
  command(of, loaders, end) {
    const { loader, bulks } = worst(loaders, 'command')
    const times = bulks.map(bulk => timeIn('command', bulk, end))
    const total = times.reduce((sum, each) => sum + each, 0)
    const busy = bulks.reduce((sum, { busyRunning = 0 }) => sum + busyRunning, 0)
    const own =
      busy > total / 2
        ? ` The event loop was busy for ${time(busy)} of its ${time(total)}: that is computing, not waiting for a backend.`
        : ''
    return `Batch functions ran for ${of}. Most of it was ${loader}: ${many(bulks.length, 'bulk')}, the longest ${time(Math.max(...times))}.${own}`
  },
  window(of, loaders) {
    const { loader, bulks } = worst(loaders, 'window')
    const whole = bulks.filter(({ cause }) => cause === 'delay').length
    return whole > 0
      ? `Waiting for more calls: for ${of}, windows were open and nothing ran; ${many(whole, 'bulk')} of ${loader} waited the whole delay. Try a shorter delay.`
      : `Waiting for resolvers: for ${of}, windows were open for what resolvers might still load, most of all ${loader}, and closed when nothing more could come.`
  },
  loop(of, loaders) {
    const { loader } = worst(loaders, 'loop')
    return `The event loop was busy: for ${of}, bulks were open and nothing could start them, most of all ${loader}. No setting changes that; look for work that keeps the processor busy.`
  },
  resolvers: of =>
    `Resolvers: for ${of}, no bulk was open or ran. That is the time of resolvers, and of what they wait for by themselves.`,
}

/** The loader that spent most time in a phase. */
function worst(loaders: readonly LoaderFacts[], phase: Phase): LoaderFacts {
  const total = (each: LoaderFacts): number => each[phase] * each.bulks.length
  return loaders.reduce((most, each) => (total(each) > total(most) ? each : most))
}
