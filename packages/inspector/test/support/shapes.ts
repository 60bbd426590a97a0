/**
 * Recordings of the shapes of `bench:windows`, over a real Yoga server with the inspector: what a replay has to come to is
 * what was recorded of them.
 */

import { useBulk } from '@bulkcall/yoga'
import { createYoga } from 'graphql-yoga'

import { names, type Backend } from '../../../../bench/windows-backends.ts'
import { schema } from '../../../../bench/windows-shapes.ts'
import type { Documents } from '../../page/groups.ts'
import { useBulkInspector, type RecordedOperation, type Recording } from '../../src/index.ts'

/** A run of a query, and the documents that are known of it. */
export interface RecordedShape {
  readonly operation: RecordedOperation & { ms: number }
  readonly documents: Documents
}

/** The documents of a recording, by their numbers. */
export function documentsIn({ documents }: Recording): Documents {
  return new Map(documents.map(each => [each.id, each]))
}

/** Records so many runs of a query, and gives the last: what is cold is not what people look at. */
export async function recordShape(
  query: string,
  backend: Backend,
  options: { readonly delay?: number; readonly concurrent?: number; readonly size?: number } = {},
  runs = 4,
): Promise<RecordedShape> {
  const commands = Object.fromEntries(
    names.map(name => [name, (keys: readonly number[]) => backend(name, keys)]),
  )
  const yoga = createYoga({
    schema: schema(backend),
    plugins: [useBulk(commands, options), useBulkInspector({ enabled: () => true })],
    logging: false,
  })
  for (let run = 0; run < runs; run++) {
    const response = await yoga.fetch('http://localhost/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    const { errors } = (await response.json()) as { errors?: unknown }
    if (errors !== undefined) throw new Error(JSON.stringify(errors))
  }
  const page = await yoga.fetch('http://localhost/graphql/bulk', { headers: { accept: 'application/json' } })
  const recording = (await page.json()) as Recording
  await yoga.dispose()
  const operation = recording.operations.at(-1) as RecordedShape['operation']
  return { operation, documents: documentsIn(recording) }
}
