/** How many promises one operation makes, as the engine itself counts them: the same number each time. */

import { createHook } from 'node:async_hooks'

/** @param prepare makes what the operation needs, and gives the operation */
export async function countPromises(prepare) {
  let made = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') made++
    },
  })
  // Lazily made things are made the first time.
  await (
    await prepare()
  )()
  const run = await prepare()
  hook.enable()
  made = 0
  const done = run()
  await done
  hook.disable()
  return made
}
