/** The names of all checks of the smoke test. */
export const smokeNames: readonly string[]
