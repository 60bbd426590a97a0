export function table(rows: readonly (readonly string[])[]): void
export function median(numbers: readonly number[]): number
