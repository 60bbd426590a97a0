export function table(rows: readonly (readonly string[])[]): void
export function median(numbers: readonly number[]): number
/** The lower one. */
export function quartile(numbers: readonly number[]): number
