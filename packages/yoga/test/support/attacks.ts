/**
 * Documents that a client may write to be expensive, each in two sizes.
 * @module
 */

/** A document of so many units: fields that are resolved, and keys that are loaded. */
export interface Attack {
  readonly sizes: readonly [few: number, many: number]
  /** How many units a document of this size has, where it is not the size. */
  units?(this: void, size: number): number
  document(this: void, size: number): string
}

/** The steps of each run for a unit; the first is on a server that knows nothing. */
export type Steps = readonly number[]

/** Of one attack, for few units and for many. */
export interface StepsReport {
  readonly few: Steps
  readonly many: Steps
}

export const each = (count: number, one: (place: number) => string): string =>
  Array.from({ length: count }, (_, place) => one(place)).join(' ')

/** How many fields and loaders the schema has of a kind. */
export const kinds = 160
export const attacks: Readonly<Record<string, Attack>> = {
  'aliases of one fragment with many fields': {
    sizes: [20, 80],
    units: size => size * size,
    document: size =>
      `{ ${each(size, i => `a${i}: user(id: ${i}) { ...F }`)} } fragment F on User { ${each(size, i => `b${i}: friend { id }`)} }`,
  },
  'aliases of one fragment with many fields, whose results are null': {
    sizes: [1_000, 4_000],
    document: size =>
      `{ user(id: 1) { id } ${each(size, i => `a${i}: nobody { ...F }`)} } fragment F on User { ${each(size, i => `b${i}: friend { id }`)} }`,
  },
  'aliases that load': {
    sizes: [1_000, 4_000],
    document: size => `{ ${each(size, i => `a${i}: user(id: ${i}) { id }`)} }`,
  },
  'aliases that wait and then load': {
    sizes: [1_000, 4_000],
    document: size => `{ ${each(size, i => `a${i}: late(id: ${i}) { id }`)} }`,
  },
  'aliases that wait for differently long and then load': {
    sizes: [300, 1_200],
    document: size => `{ ${each(size, i => `a${i}: later(id: ${i}) { later { id } }`)} }`,
  },
  'resolvers that load in turn': {
    sizes: [100, 400],
    document: size => `{ ${each(size, i => `a${i}: turn(id: ${i}) { id }`)} }`,
  },
  'resolvers that load in turn, beside fields that wait': {
    sizes: [100, 400],
    document: size => `{ ${each(size, i => `a${i}: turn(id: ${i}) { friend { id } wait }`)} }`,
  },
  depth: {
    sizes: [100, 400],
    document: size => `{ user(id: 1) ${'{ friend '.repeat(size)} { id } ${'}'.repeat(size)} }`,
  },
  'depth, with a wait before each load': {
    sizes: [50, 200],
    document: size => `{ user(id: 1) ${'{ later '.repeat(size)} { id } ${'}'.repeat(size)} }`,
  },
  'fragments within fragments, each spread twice': {
    sizes: [6, 9],
    units: size => 2 ** size,
    document: size =>
      `{ user(id: 1) { ...F0 } } ${each(size, i => `fragment F${i} on User { a: same { ...F${i + 1} } b: same { ...F${i + 1} } }`)} fragment F${size} on User { friend { id } }`,
  },
  introspection: {
    sizes: [50, 200],
    document: size =>
      `{ ${each(size, i => `a${i}: __schema { types { name } } b${i}: __type(name: "User") { fields { name } } c${i}: later(id: ${i}) { __typename }`)} }`,
  },
  'fields of an interface that many types have': {
    sizes: [300, 1_200],
    document: size =>
      `{ user(id: 1) { id } last { friend { id } } ${each(size, i => `a${i}: node(id: ${i}) { b: id ... on Node { c: wait } }`)} }`,
  },
  'many resolvers, each with a loader of its own': {
    sizes: [kinds / 4, kinds],
    document: size => `{ ${each(size, i => `field${i}`)} }`,
  },
  'many resolvers that end one by one, beside a window that stays open': {
    sizes: [kinds / 4, kinds],
    document: size => `{ user(id: 1) { id } ${each(size, i => `wait${i}`)} last { friend { id } } }`,
  },
}
