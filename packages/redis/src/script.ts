/**
 * A script: what Redis does in one step, so that nothing comes in between.
 * @module
 */

import { createHash } from 'node:crypto'

import type { IoredisClient } from './client.ts'

export class Script {
  readonly #text: string
  readonly #sha: string

  constructor(text: string) {
    this.#text = text
    this.#sha = createHash('sha1').update(text).digest('hex')
  }

  /** Sends the text only to a Redis that does not know it yet, which is so after each restart. */
  async run(client: IoredisClient, key: string, ...args: (string | number)[]): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha, 1, key, ...args)
    } catch (error) {
      if (!String((error as Partial<Error> | null)?.message).includes('NOSCRIPT')) throw error
      return client.eval(this.#text, 1, key, ...args)
    }
  }
}
