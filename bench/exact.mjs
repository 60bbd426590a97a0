/**
 * What one operation makes, exactly, on every machine: bulks, and promises as the engine counts them. `Promise.all` of the
 * caller makes one promise more for each that it waits for.
 */
export const exact = {
  'burst-1000': { loader: { bulks: 1, promises: 2_006 }, call: { bulks: 1, promises: 2_006 } },
  'duplicates-50': { loader: { bulks: 1, promises: 1_506 } },
  'hits-closed': { loader: { bulks: 0, promises: 1_002 } },
  'hits-open': { loader: { bulks: 1, promises: 2_011 } },
  'many-1000': { loader: { bulks: 1, promises: 6 }, call: { bulks: 1, promises: 6 } },
  chunks: { loader: { bulks: 100, promises: 20_304 } },
  'make-20': { loader: { bulks: 1, promises: 28 }, useBulk: { bulks: 1, promises: 29 } },
  'request-load': { loader: { bulks: 5, promises: 128 }, useBulk: { bulks: 5, promises: 133 } },
  'request-many': { loader: { bulks: 5, promises: 28 }, useBulk: { bulks: 5, promises: 33 } },
  'flight-many': { loader: { bulks: 1_280, promises: 6_403 } },
  'limit-4': { loader: { bulks: 40 }, call: { bulks: 40 } },
  'yoga-nested': { useBulk: { bulks: 4 } },
}
