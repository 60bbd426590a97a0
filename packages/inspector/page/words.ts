/**
 * The words of the page, each in one sentence.
 * @module
 */

import type { Doing } from './facts.ts'

export const terms = {
  bulk: 'A batch: the keys of many loads, sent to the batch function in one call.',
  loads: 'Calls of a loader: keys that were asked for, and keys that were cached.',
  cached: 'Loads that asked nobody: an equal key was loaded before, or was on its way (deduplicated).',
  window: 'A bulk is open for more keys, for `delay` ms at most, and the event loop is idle.',
  loop: 'A bulk is open, and the event loop is busy with JavaScript: no timer fires, nothing can start the bulk.',
  slot: 'A bulk is ready, and all slots of its limit (`concurrent`) are in use.',
  command:
    'The batch function (the command of the loader) runs: usually it waits for a database or a service.',
  resolvers:
    'No bulk is open or runs: that is the time of resolvers, and of what they wait for by themselves.',
  fill: 'How full the bulks were, of `size`.',
  none: 'Bulks whose batch function gave no result at all: each of their loads got null.',
  quantiles: 'Half of the runs took no longer than p50, and all but a twentieth no longer than p95.',
  document:
    'The query, and at each field what it loaded. Numbers and strings are not recorded, unless `values` is set.',
  waited: 'How long any bulk of this field was open, waited or ran; fields that share a bulk wait together.',
  nPlusOne: 'N+1: keys of one field go out nearly one by one, although they could share a bulk.',
  slots: 'How many slots of each limit were in use. Solid is this run, pale are others at the same time.',
  whatIf: 'The same loads again, through the engine itself, with other settings, on a clock that leaps.',
  replay:
    'How far the replay with the recorded settings is from what was recorded: trust predictions as far as that.',
  waterfall:
    'Each bulk along the time. Drag over the strip on top to zoom; arrows lead from what settled to what followed.',
  runs: 'The latest runs of this operation, the oldest first: the higher, the longer it took.',
} as const

export type Term = keyof typeof terms

/** What each share of the time is called. */
export const doings: Readonly<Record<Doing, string>> = {
  command: 'batch function',
  slot: 'waiting for a slot',
  loop: 'event loop busy',
  window: 'window open',
  resolvers: 'resolvers',
}

/** Why a bulk started. */
export const causes: Readonly<Record<string, string>> = {
  size: 'It was full.',
  delay: 'Its first load had waited the whole delay.',
  tick: 'The microtasks of the tick had run.',
  quiet: 'Nothing more could come: all that ran waited for loads.',
  flush: 'The application flushed the loader.',
  close: 'The application closed the loader.',
}
