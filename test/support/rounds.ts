/**
 * How much of what is random or repeated is tried: all of it by `npm run test:all` and in CI, a part by `npm test`.
 * @module
 */

/** Of so many rounds a fifth, where not everything is tried. */
export function rounds(all: number): number {
  return process.env.BULKCALL_ALL ? all : Math.ceil(all / 5)
}
