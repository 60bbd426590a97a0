/** The keys 0, 1, 2… of one slice, in an order of its own: the same for all contenders. */
export function shuffled(count, slice) {
  const keys = Array.from({ length: count }, (_, place) => place)
  let state = slice + 1
  for (let last = count - 1; last > 0; last--) {
    // A linear congruential generator, of which the upper bits are used.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (last + 1))
    const key = keys[last]
    keys[last] = keys[other]
    keys[other] = key
  }
  return keys
}

/** Loads each key by itself, as resolvers do. Some contenders have their own way of asking for many at once. */
export function loadEach(loader, keys) {
  return loader.each === undefined ? Promise.all(keys.map(key => loader.load(key))) : loader.each(keys)
}

export function number(value) {
  return value.toLocaleString('en')
}
