import { promiseJobs } from './time.ts'

/** What nobody catches while `work` runs. The test runner would take it for its own failure. */
export async function uncaughtDuring(work: () => unknown): Promise<unknown[]> {
  const others = process.listeners('uncaughtException')
  const uncaught: unknown[] = []
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', error => uncaught.push(error))
  try {
    await work()
    await promiseJobs()
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  }
  return uncaught
}
