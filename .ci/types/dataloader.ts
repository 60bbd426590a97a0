import DataLoader from '@bulkcall/dataloader'

const users = new DataLoader(async (ids: readonly number[]) => ids.map(id => ({ id })), { maxBatchSize: 10 })
export const user: Promise<{ id: number }> = users.load(1)
export const batch: DataLoader.BatchLoadFn<number, string> = async ids => ids.map(String)
// @ts-expect-error a text is no number
void users.load('1')
