/**
 * Commands that remember what they were asked.
 * @module
 */

/** A command and the keys of each of its bulks. */
export interface Recorded<K, V> {
  (keys: readonly K[]): Promise<V[]>
  readonly bulks: (readonly K[])[]
}

/** A command that answers each key with this, and remembers its bulks. */
export function recorded<K, V>(answer: (key: K) => V, ms?: number): Recorded<K, V> {
  const bulks: (readonly K[])[] = []
  const command = async (keys: readonly K[]): Promise<V[]> => {
    bulks.push([...keys])
    if (ms !== undefined) await new Promise(resolve => setTimeout(resolve, ms))
    return keys.map(answer)
  }
  return Object.assign(command, { bulks })
}

export interface User {
  readonly id: number
  readonly name: string
}

/** The user with this id. */
export const user = (id: number): User => ({ id, name: `user ${id}` })
