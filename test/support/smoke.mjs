/**
 * A smoke test for any host: plain JavaScript that needs nothing but the core and timers, so that the same file runs in a
 * page, in a worker and on Node.
 */

/** @param core all exports of `@bulkcall/core` @returns what passed, by name, and what did not, with the reason */
export async function smoke(core) {
  const report = { passed: [], failed: [] }
  for (const [name, check] of Object.entries(checks)) {
    try {
      // Twice: the first end of turn is the one in which the core finds out what the host does.
      await check(core)
      await check(core)
      report.passed.push(name)
    } catch (error) {
      report.failed.push(`${name}: ${error?.message ?? error}`)
    }
  }
  return report
}

const checks = {
  'calls 0 to 8 awaits deep in one turn are one bulk': async ({ AsyncBulkCall }) => {
    const { bulks, command } = recorder()
    const call = new AsyncBulkCall(command)
    const results = await Promise.all(range(9).map(depth => after(depth, () => call.call(depth))))
    equal(bulks, [range(9)])
    equal(results, range(9).map(double))
  },

  'loads 0 to 8 awaits deep in one turn are one bulk, also in a timer': async ({ BulkLoader }) => {
    const { bulks, command } = recorder()
    const loader = new BulkLoader(command)
    const loadAll = () => Promise.all(range(9).map(depth => after(depth, () => loader.load(depth))))
    equal(await new Promise(resolve => setTimeout(() => resolve(loadAll()))), range(9).map(double))
    equal(await loadAll(), range(9).map(double))
    equal(bulks, [range(9)])
  },

  'calls of two turns are two bulks': async ({ AsyncBulkCall }) => {
    const { bulks, command } = recorder()
    const call = new AsyncBulkCall(command)
    await call.call(1)
    await pause()
    await call.call(2)
    equal(bulks, [[1], [2]])
  },

  'size is the most tasks in one bulk': async ({ AsyncBulkCall }) => {
    const { bulks, command } = recorder()
    const call = new AsyncBulkCall(command, { size: 3 })
    equal(await call.callMany(range(7)), range(7).map(double))
    equal(bulks, [[0, 1, 2], [3, 4, 5], [6]])
  },

  'delay waits for others': async ({ AsyncBulkCall }) => {
    const { bulks, command } = recorder()
    const call = new AsyncBulkCall(command, { delay: 60 })
    // The later timer was set first, so it comes first on a slow machine too.
    const later = new Promise(resolve => setTimeout(() => resolve(call.call(2))))
    const startedAt = Date.now()
    equal(await Promise.all([call.call(1), later]), [2, 4])
    equal(bulks, [[1, 2]])
    atLeast(50, Date.now() - startedAt)
  },

  'concurrent bounds the bulks in flight': async ({ AsyncBulkCall }) => {
    let running = 0
    let most = 0
    const command = async tasks => {
      most = Math.max(most, ++running)
      await pause()
      running--
      return tasks.map(double)
    }
    const call = new AsyncBulkCall(command, { size: 1, concurrent: 2 })
    equal(await call.callMany(range(5)), range(5).map(double))
    equal(most, 2)
  },

  'a task that is aborted leaves its bulk': async ({ AsyncBulkCall }) => {
    const { bulks, command } = recorder()
    const call = new AsyncBulkCall(command)
    const controller = new AbortController()
    const calls = [call.call(1), call.call(2, { signal: controller.signal }), call.call(3)]
    controller.abort(new Error('gone'))
    const outcomes = await Promise.allSettled(calls)
    equal(
      outcomes.map(({ value, reason }) => value ?? reason.message),
      [2, 'gone', 6],
    )
    equal(bulks, [[1, 3]])
  },

  'the signal of a bulk aborts when all have gone': async ({ AsyncBulkCall }) => {
    const controller = new AbortController()
    const signal = await new Promise(started => {
      const call = new AsyncBulkCall((_, context) => {
        started(context.signal)
        return new Promise(settle => context.signal.addEventListener('abort', () => settle(null)))
      })
      call.call(1, { signal: controller.signal }).catch(() => {})
    })
    equal(signal.aborted, false)
    controller.abort(new Error('gone'))
    equal([signal.aborted, signal.reason.message], [true, 'gone'])
  },

  'none is null for each task': async ({ AsyncBulkCall }) => {
    const call = new AsyncBulkCall(() => {})
    equal(await call.callMany([1, 2]), [null, null])
  },

  'an Error among the results rejects its task alone': async ({ AsyncBulkCall }) => {
    const call = new AsyncBulkCall(tasks => tasks.map(task => (task === 2 ? new Error('bad') : task)))
    const outcomes = await Promise.allSettled([1, 2, 3].map(task => call.call(task)))
    equal(
      outcomes.map(({ value, reason }) => value ?? reason.message),
      [1, 'bad', 3],
    )
  },

  'a wrong number of results is a BulkLengthError': async ({ AsyncBulkCall, BulkLengthError }) => {
    const call = new AsyncBulkCall(() => [1])
    const outcomes = await call.callMany([1, 2])
    equal(
      outcomes.map(outcome => outcome instanceof BulkLengthError),
      [true, true],
    )
  },

  'a quiet scope closes its windows': async ({ AsyncBulkCall, BulkScope }) => {
    const { bulks, command } = recorder()
    const scope = new BulkScope()
    const call = new AsyncBulkCall(command, { delay: 60_000, scope })
    const work = range(3).map(async task => {
      if (task === 2) await scope.run(pause)
      return scope.run(() => call.call(task))
    })
    equal(await Promise.all(work), range(3).map(double))
    equal(bulks, [range(3)])
  },

  'close starts what is pending and refuses what comes': async ({ AsyncBulkCall, isBulkError }) => {
    const { bulks, command } = recorder()
    const call = new AsyncBulkCall(command, { delay: Infinity })
    const pending = call.call(1)
    await call.close()
    equal(await pending, 2)
    equal(bulks, [[1]])
    const refusal = await call.call(2).catch(error => error)
    equal([isBulkError(refusal), refusal.code], [true, 'BULK_CLOSED'])
  },

  'a listener is called for each bulk': async ({ AsyncBulkCall, onBulk }) => {
    const heard = []
    const stop = onBulk({ settled: ({ name, tasks, cause }) => heard.push([name, tasks, cause]) })
    const call = new AsyncBulkCall(() => {}, { name: 'heard', size: 2 })
    await call.callMany(range(3))
    await call.flush()
    stop()
    await call.call(1)
    equal(heard, [
      ['heard', 2, 'size'],
      ['heard', 1, 'tick'],
    ])
  },
}

/** The names of all checks, for whoever asks whether they were made. */
export const smokeNames = Object.keys(checks)

function recorder() {
  const bulks = []
  const command = tasks => {
    bulks.push([...tasks])
    return tasks.map(double)
  }
  return { bulks, command }
}

/** Does something so many awaited, already settled promises later. */
async function after(awaits, work) {
  for (let i = 0; i < awaits; i++) await Promise.resolve()
  return work()
}

const range = length => Array.from({ length }, (_, i) => i)
const double = number => number * 2
const pause = () => new Promise(resolve => setTimeout(resolve, 5))

function equal(got, wanted) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`wanted ${b}, got ${a}`)
}

function atLeast(least, got) {
  if (got < least) throw new Error(`wanted at least ${least}, got ${got}`)
}
