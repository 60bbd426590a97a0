/**
 * Beside a bulk: outcomes that are known already and given when it settles, so that what follows from them comes together with
 * what follows from its own.
 * @module
 */

import { drop } from '../promises.ts'
import { Gate } from './gate.ts'

export class Beside extends Gate {
  private readonly known: unknown[] = []

  waitFor<V>(known: unknown): Promise<V> {
    this.known.push(known)
    // Should it reject before the bulk has ended, that is reported then, to the caller of the hit.
    drop(known)
    return this.wait<V>()
  }

  openAll(): void {
    this.open(this.known)
  }
}
