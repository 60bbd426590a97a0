/**
 * How far work has come: a bar on a terminal, and in a file a line for each part that is done.
 * @module
 */

import { Worker } from 'node:worker_threads'

export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const width = 30
const clearLine = '\r\u001B[K'

/** Shows the progress of one part of the work after the other. */
export function showProgress(screen: Screen, what: string, done: number, total: number): void {
  if (screen.isTTY && done < total) {
    const filled = Math.round((width * done) / total)
    const bar = '█'.repeat(filled) + '░'.repeat(width - filled)
    screen.write(`${clearLine}Loading ${what} ${bar} ${number(done)} of ${number(total)}`)
  } else if (done === total) {
    screen.write(`${screen.isTTY ? clearLine : ''}Loaded ${number(total)} ${what}\n`)
  }
}

/**
 * Shows on a terminal how many seconds have gone by, until it is stopped. It counts in a thread of its own, since what is
 * waited for may keep this one busy.
 */
export function showSeconds(screen: Screen, what: string): () => Promise<void> {
  if (!screen.isTTY) return async () => {}
  const count = `
    const { writeSync } = require('node:fs')
    let seconds = 0
    setInterval(() => writeSync(1, ${JSON.stringify(`${clearLine}${what} … `)} + ++seconds + ' s'), 1_000)`
  const counter = new Worker(count, { eval: true })
  return async () => {
    await counter.terminate()
    screen.write(clearLine)
  }
}

function number(value: number): string {
  return value.toLocaleString('en')
}
