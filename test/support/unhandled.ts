/**
 * What nobody handles: errors that would end the process, and rejections. The test runner would take them for its own failure.
 */

/** The original, so that fake timers do not stop the test. */
const { setTimeout } = globalThis

/** The errors that nobody catches while `work` runs, and in the ticks after it. */
export function uncaughtDuring(work: () => unknown): Promise<unknown[]> {
  return reportedDuring('uncaughtException', work)
}

/** The reasons of the rejections that nobody handles while `work` runs, and in the ticks after it. */
export function unhandledDuring(work: () => unknown): Promise<unknown[]> {
  return reportedDuring('unhandledRejection', work)
}

async function reportedDuring(
  report: 'uncaughtException' | 'unhandledRejection',
  work: () => unknown,
): Promise<unknown[]> {
  const reported: unknown[] = []
  const others = process.listeners(report as 'uncaughtException')
  process.removeAllListeners(report)
  process.on(report, error => void reported.push(error))
  try {
    await work()
    // Some are reported in a microtask or a tick of their own.
    await new Promise(done => void setTimeout(done, 5))
  } finally {
    process.removeAllListeners(report)
    for (const other of others) process.on(report, other)
  }
  return reported
}
