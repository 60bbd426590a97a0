/**
 * What one operation makes, exactly, on every machine: bulks, and promises as the engine counts them; timers that are set,
 * listeners that are added to an `EventTarget`, and `clocks`, how often the time is read. `Promise.all` of the caller makes
 * one promise more for each that it waits for. `--count` shows all of these for any work.
 */

/** Without a delay there is nothing to wait for, and without a signal nobody to listen to. */
const atOnce = { timers: 0, listeners: 0 }

/** A new loader: so many promises an operation, and for each load its own and one of `Promise.all`. */
const fresh = loads => ({ loader: { bulks: 1, promises: 6 + 2 * loads, ...atOnce } })

export const exact = {
  'new-1': fresh(1),
  'new-3': fresh(3),
  'new-10': fresh(10),
  'new-100': fresh(100),
  'new-1-uncached': fresh(1),
  'new-3-uncached': fresh(3),
  'new-10-uncached': fresh(10),
  'new-100-uncached': fresh(100),
  // Nothing is late in these queries, so that no window outlasts its tick, and no command reads its signal.
  'yoga-5': { useBulk: { bulks: 1, ...atOnce } },
  'yoga-100': { useBulk: { bulks: 1, ...atOnce } },
  'yoga-nothing': { useBulk: { bulks: 0, clocks: 0, ...atOnce } },
  'yoga-nested': { useBulk: { bulks: 4, ...atOnce } },
  'burst-1000': { ...fresh(1_000), call: { bulks: 1, promises: 2_006, ...atOnce } },
  // The first 64 loads have a promise each; then keys are seen to repeat, and the others share one a key.
  'duplicates-50': { loader: { bulks: 1, promises: 1_569, ...atOnce } },
  'hits-closed': { loader: { bulks: 0, promises: 1_002, ...atOnce } },
  'hits-open': { loader: { bulks: 1, promises: 2_011, ...atOnce } },
  'many-1000': {
    loader: { bulks: 1, promises: 6, ...atOnce },
    call: { bulks: 1, promises: 6, ...atOnce },
  },
  chunks: { loader: { bulks: 100, promises: 20_304, ...atOnce } },
  'make-20': {
    loader: { bulks: 1, promises: 28, ...atOnce },
    useBulk: { bulks: 1, promises: 29, ...atOnce },
  },
  'request-load': {
    loader: { bulks: 5, promises: 128, ...atOnce },
    useBulk: { bulks: 5, promises: 133, ...atOnce },
  },
  'request-many': {
    loader: { bulks: 5, promises: 28, ...atOnce },
    useBulk: { bulks: 5, promises: 33, ...atOnce },
  },
  'flight-many': { loader: { bulks: 1_280, promises: 6_403, ...atOnce } },
  'limit-4': { loader: { bulks: 40 }, call: { bulks: 40 } },
}
