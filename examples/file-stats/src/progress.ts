/**
 * A line that is written over and over while work goes on; nothing where nobody watches.
 * @module
 */

export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const clearLine = '\r\u001B[K'

export class Progress {
  readonly #screen: Screen

  constructor(screen: Screen) {
    this.#screen = screen
  }

  show(line: string): void {
    if (this.#screen.isTTY) this.#screen.write(clearLine + line)
  }

  clear(): void {
    this.show('')
  }
}
