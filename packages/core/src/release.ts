/**
 * The release: which version of this package its files are, for the warning where two of them meet.
 * @module
 */

/** As in package.json: `npm run release:versions` writes both. */
export const release = '0.1.0'
