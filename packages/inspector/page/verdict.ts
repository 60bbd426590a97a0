/**
 * The verdict: why an operation took as long as it did, in one or two sentences.
 * @module
 */

import type { RecordedOperation } from '../src/recording.ts'
import { endOf, loadersIn, sharesOf, timeIn, type Doing, type LoaderFacts, type Phase } from './facts.ts'
import { many, time } from './numbers.ts'

export function verdictOn(operation: RecordedOperation): string {
  if (operation.bulks.length === 0) return 'Everything that it loaded was known already.'
  const end = endOf(operation)
  const { doing, ms } = sharesOf(operation).reduce((most, share) => (share.ms > most.ms ? share : most))
  return verdicts[doing](`${time(ms)} of ${time(end)}`, loadersIn(operation, end), end)
}

/** What is said where most time went there: so much of the whole. */
const verdicts: Readonly<
  Record<Doing, (of: string, loaders: readonly LoaderFacts[], end: number) => string>
> = {
  waiting(of, loaders, end) {
    const { loader, bulks } = worst(loaders, 'waiting')
    const waited = bulks.filter(bulk => timeIn('waiting', bulk, end) > 0)
    return `Short of slots: for ${of}, bulks stood in line, ${many(waited.length, 'bulk')} of ${loader} among them. See below what more slots, or larger bulks, would do.`
  },
  running(of, loaders, end) {
    const { loader, bulks } = worst(loaders, 'running')
    const longest = bulks.reduce((most, bulk) => Math.max(most, timeIn('running', bulk, end)), 0)
    return `Busy with commands: for ${of}. Most of it was ${loader}: ${many(bulks.length, 'bulk')}, the longest ${time(longest)}.`
  },
  collecting(of, loaders) {
    const { loader, bulks } = worst(loaders, 'collecting')
    const late = bulks.filter(({ cause }) => cause === 'delay').length
    const whose =
      late > 0 ? `${many(late, 'bulk')} of ${loader} waited the whole delay` : `${loader} waited the longest`
    return `Waiting for company: for ${of}, bulks were open and none ran; ${whose}. See below what a shorter delay would do.`
  },
  late(of, loaders) {
    const { loader } = worst(loaders, 'late')
    return `Late: for ${of}, the time of a bulk had come and the event loop had something else to do, most of all for ${loader}. Look for work that keeps the processor busy.`
  },
  elsewhere: of =>
    `Busy elsewhere: for ${of}, no bulk was open or ran. That is the time of resolvers, and of what they ask by themselves.`,
}

/** The loader that spent most time in a phase. */
function worst(loaders: readonly LoaderFacts[], phase: Phase): LoaderFacts {
  const total = (each: LoaderFacts): number => each[phase] * each.bulks.length
  return loaders.reduce((most, each) => (total(each) > total(most) ? each : most))
}
