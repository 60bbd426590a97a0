/**
 * The settings of a loader, in few words.
 * @module
 */

import type { RecordedBulk, RecordedLimiter } from '../src/recording.ts'
import { bound, many } from './numbers.ts'

export function settingsOf(bulks: readonly RecordedBulk[], limiters: readonly RecordedLimiter[]): string {
  const bulk = bulks.find(({ cause }) => cause !== null)
  if (bulk === undefined) return ''
  const slots = bulk.limiters.map(id => limiters.find(limiter => limiter.id === id)?.slots ?? null)
  return [
    bulk.size === null ? '' : `size ${bound(bulk.size)}`,
    bulk.delay === 0 ? 'end of tick' : `delay ${bound(bulk.delay, ' ms')}`,
    ...slots.flatMap(each => (each === null ? [] : [many(each, 'slot')])),
  ]
    .filter(Boolean)
    .join(' · ')
}
