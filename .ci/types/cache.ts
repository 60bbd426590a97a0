import { withCache, type SharedStore } from '@bulkcall/cache'
import { BulkLoader } from '@bulkcall/core'
import Keyv from 'keyv'

export const store: SharedStore = new Keyv()
const cached = withCache(async (ids: number[]) => ids.map(String), {
  store,
  key: id => `name:${id}`,
  ttl: 1_000,
})
export const name: Promise<string> = new BulkLoader(cached).load(1)
export const forgotten: Promise<void> = cached.forget([1])
