/**
 * Words of others, for people: however long they are, and whatever was thrown.
 * @module
 */

const longestError = 500

/** What somebody else's object says, or `undefined` where it throws. */
export function readable<V>(read: () => V): V | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** A text for people, whatever was thrown and however long it is. */
export function textOf(error: unknown): string {
  return copied(cut(readable(() => String(error)) ?? 'an error that cannot be read', longestError))
}

/** A name may change later, when nobody checks it any more, and need not be a text then. */
export function cut(name: unknown, most: number): string {
  const text = typeof name === 'string' ? name : (readable(() => String(name)) ?? 'unreadable')
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

/**
 * The same text, on its own: a part that was cut out of a text (a name out of a document, the begin of a message) keeps
 * the whole of it in memory.
 */
export function copied(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}
