/**
 * The goals: the ratio that each contender of ours must not pass. What the ratio is of is said by the work: `dataloader` in
 * the same run, the ideal schedule, or a server without the plugin. They hold on Node 20, 24 and 26.
 */
const goals = {
  'new-1': { loader: 1.1 },
  'new-3': { loader: 1 },
  'new-10': { loader: 0.92 },
  'new-100': { loader: 0.88 },
  'new-1-uncached': { loader: 1.15 },
  'new-3-uncached': { loader: 1.05 },
  'new-10-uncached': { loader: 1 },
  'new-100-uncached': { loader: 0.95 },
  'yoga-5': { useBulk: 1 },
  'yoga-5-young': { useBulk: 1 },
  'yoga-100': { useBulk: 1 },
  'yoga-100-young': { useBulk: 1 },
  'yoga-nothing': { useBulk: 1.02 },
  'yoga-nested': { useBulk: 1 },
  'request-load': { loader: 0.9, useBulk: 1 },
  'burst-1000': { loader: 0.8 },
  'burst-10000': { loader: 0.4 },
  'duplicates-50': { loader: 0.6 },
  'hits-closed': { loader: 0.35 },
  'many-1000': { loader: 0.1 },
  'limit-4': { loader: 1.1, call: 1.1 },
  'heap-pending': { loader: 0.4 },
  'heap-cached': { loader: 0.2 },
  // Three times as many requests a second.
  'postgres-10': { useBulk: 1 / 3 },
}

/** The drop-in must not be worse than what it takes the place of, whatever the work. */
export function goalsOf({ name, contenders }) {
  return { ...goals[name], ...(contenders.includes('drop-in') ? { 'drop-in': 1 } : {}) }
}

/** Where a goal has not been reached yet: the ratio that has. It must not get twice as bad either. */
export const reached = {
  'new-1': { loader: 1.36 },
  'new-3': { loader: 1.5 },
  'new-10': { loader: 1.21 },
  'new-1-uncached': { loader: 1.68 },
  'new-3-uncached': { loader: 1.78 },
  'new-10-uncached': { loader: 1.43 },
  'new-100-uncached': { loader: 1.17 },
  'request-load': { loader: 1.08, useBulk: 1.26, 'drop-in': 1.09 },
  'yoga-5': { useBulk: 1.16 },
  'yoga-5-young': { useBulk: 1.1 },
  'yoga-100': { useBulk: 1.33 },
  'yoga-nothing': { useBulk: 1.12 },
  'yoga-100-young': { useBulk: 1.07 },
  'yoga-nested': { useBulk: 1.21, 'drop-in': 1.04 },
  'duplicates-50': { loader: 1.55 },
  'hits-closed': { loader: 0.41 },
}
