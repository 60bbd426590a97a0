/** What one operation makes, counted in its process: the same numbers each time, on every machine. */

import { createHook } from 'node:async_hooks'

const counts = { promises: 0, timers: 0, listeners: 0, clocks: 0 }

/** As the engine itself tells it: whoever makes one, by whatever name. */
const hook = createHook({
  init(_id, type) {
    if (type === 'PROMISE') counts.promises++
    else if (type === 'Timeout') counts.timers++
  },
})

/** Must come before the contender is loaded, which may keep these functions for itself. */
export function watchCalls() {
  watch(performance, 'now', 'clocks')
  watch(Date, 'now', 'clocks')
  watch(EventTarget.prototype, 'addEventListener', 'listeners')
  // A timer that is set again is not made again.
  const timer = setTimeout(() => {})
  clearTimeout(timer)
  watch(timer.constructor.prototype, 'refresh', 'timers')
}

function watch(holder, name, what) {
  const original = holder[name]
  holder[name] = function (...args) {
    counts[what]++
    return original.apply(this, args)
  }
}

/** @param prepare makes what the operation needs, and gives the operation */
export async function countsOf(prepare) {
  // Lazily made things are made the first time.
  await (
    await prepare()
  )()
  const run = await prepare()
  hook.enable()
  for (const what of Object.keys(counts)) counts[what] = 0
  const done = run()
  await done
  hook.disable()
  return { ...counts }
}
