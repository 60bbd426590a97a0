import {
  AsyncBulkCall,
  BulkLoader,
  BulkScope,
  grouped,
  host,
  isBulkError,
  isolated,
  keyed,
  onBulk,
  semaphore,
  SharedLoader,
  type BulkCallOptions,
  type BulkEvent,
  type Limiter,
} from '@bulkcall/core'

interface User {
  readonly id: number
  readonly name: string
}
declare const fetchUsers: (ids: readonly number[], signal: AbortSignal) => Promise<User[]>

const limiter: Limiter = semaphore(2)
const options: BulkCallOptions = { size: 100, delay: 5, concurrent: limiter, scope: new BulkScope() }

export const remove = new AsyncBulkCall(async (_paths: readonly string[]) => {}, options)
export const removed: Promise<null> = remove.call('a.txt')

export const users = new BulkLoader(
  keyed(
    (ids: number[], { signal }) => fetchUsers(ids, signal),
    user => user.id,
  ),
  { name: 'users', cacheKeyFn: id => String(id) },
)
export const nameOfOne: Promise<string | undefined> = users.load(1).then(user => user?.name)
export const many: Promise<(User | null | Error)[]> = users.loadMany([1, 2])
// @ts-expect-error a text is no number
void users.load('1')

const namesakes = new SharedLoader(
  isolated(
    grouped(
      async (_names: string[]): Promise<User[]> => [],
      user => user.name,
    ),
  ),
)
export const found: Promise<User[]> = namesakes.loader({ partition: undefined }).load('Ada')

export const end: () => void = onBulk({
  settled: ({ name, tasks, cause }: BulkEvent) => [name, tasks, cause],
})
export const now: number = host.now()

export async function close(error: unknown): Promise<void> {
  if (isBulkError(error)) console.log(error.code)
  await users.close({ timeout: 1_000 })
}
