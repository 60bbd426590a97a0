/**
 * Takes from the host of this process what its second argument names. Import it first: what is taken is gone when the modules behind
 * it are run, and still there while they are loaded, where a loader of TypeScript needs it.
 */

const [, , first, taken] = process.argv
/** The first argument: what is done on such a host. */
export const done = first!

// Node loads what makes the events of a MessageChannel when it is first touched, and that needs its Buffer.
Reflect.get(globalThis, 'MessageEvent')
for (const name of taken!.split(',')) take(name)

function take(name: string): void {
  if (name === 'requests')
    return void Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Cloudflare-Workers' } })
  if (name !== 'timers') return void Reflect.deleteProperty(globalThis, name)
  // Those of a browser: their timers are numbers.
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const timers = new Map<number, NodeJS.Timeout>()
  const setNumber = (job: () => void, ms: number): number => {
    timers.set(timers.size + 1, set(job, ms))
    return timers.size
  }
  Object.assign(globalThis, { setTimeout: setNumber, clearTimeout: (id: number) => clear(timers.get(id)) })
}
