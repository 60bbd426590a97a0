/**
 * How far work has come: a bar on a terminal, elsewhere a line for each part that is done.
 * @module
 */

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

function number(value: number): string {
  return value.toLocaleString('en')
}
