/**
 * The goals: the ratio that each contender of ours must not pass. What the ratio is of is said by the work: `dataloader` in
 * the same run, or the ideal schedule. They hold on Node 20.
 */
const request = goal => ({ loader: goal, useBulk: goal })

export const goals = {
  'burst-1000': { loader: 0.78, 'drop-in': 1 },
  'burst-10000': { loader: 0.4, 'drop-in': 1 },
  'duplicates-50': { loader: 0.68, 'drop-in': 1 },
  'hits-closed': { loader: 0.3, 'drop-in': 1 },
  'hits-open': { loader: 0.8, 'drop-in': 1 },
  'many-1000': { loader: 0.2, 'drop-in': 1 },
  chunks: { loader: 0.6, 'drop-in': 1 },
  'chunks-limit-4': { loader: 0.6 },
  'make-20': request(0.5),
  'request-load': request(0.85),
  'request-many': request(0.35),
  'flight-many': request(0.2),
  'limit-4': { loader: 1.1, call: 1.1 },
  'heap-pending': { loader: 0.45, 'drop-in': 1 },
  'heap-cached': { loader: 0.2, 'drop-in': 1 },
  'yoga-nested': { useBulk: 0.98 },
  'yoga-siblings': { useBulk: 0.92 },
  // Three times as many requests a second.
  'postgres-10': { useBulk: 1 / 3 },
}

/** Where a goal has not been reached yet: the ratio that has. It must not get twice as bad either. */
export const reached = {
  chunks: { loader: 0.73, 'drop-in': 1.06 },
  'chunks-limit-4': { loader: 0.77 },
  'make-20': { loader: 1.11, useBulk: 1.14 },
  'request-load': { loader: 1.13, useBulk: 1.46 },
  'request-many': { loader: 0.38, useBulk: 0.57 },
  'flight-many': { loader: 0.22, useBulk: 0.34 },
  'yoga-nested': { useBulk: 1.01 },
  'yoga-siblings': { useBulk: 1.03 },
}
