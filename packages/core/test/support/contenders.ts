/**
 * Windows that close themselves, as a contender: all that the tests of windows know of how the engine learns is here.
 * @module
 */

import * as index from '../../src/index.ts'
import * as kit from '../../src/kit.ts'
import type { Contender } from './run.ts'
import { descendants, type Tree } from './work.ts'

/** A copy of the package, with its kit. */
export type WindowsModule = Pick<typeof index, 'BulkLoader' | 'BulkScope'> & typeof kit

/**
 * All runs of a tree share what is learned, as the operations of a server do.
 * @param wraps how often each piece of work is run in the scope: twice in a schema that is wrapped twice
 */
export function ours(
  tree: Tree,
  delay: number,
  wraps = 1,
  { BulkLoader, BulkScope, Evidence, Plan, Profile }: WindowsModule = { ...index, ...kit },
): Contender {
  const profile = new Profile()
  const fields = descendants(tree)
  const evidence = new Map([...fields.keys()].map(name => [name, new Evidence(name)]))
  const follow = new Map(
    [...fields].map(([name, names]) => [evidence.get(name), [...names].map(each => evidence.get(each)!)]),
  )
  const plan = new Plan(profile, (from, loader) => follow.get(from)!.some(each => each.mayCall(loader)))
  return host => {
    const scope = new BulkScope({ host, plan })
    return {
      BulkLoader,
      settings: { delay, scope },
      run: (work, field) => {
        let wrapped = work
        for (let i = 0; i < wraps; i++) {
          const inner = wrapped
          wrapped = () => scope.run(inner, evidence.get(field))
        }
        return wrapped()
      },
    }
  }
}
