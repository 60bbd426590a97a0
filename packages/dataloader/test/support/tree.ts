/**
 * A tree of `node_modules` in which other packages find one dataloader or the other: what npm makes of `overrides`.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const scenarios = fileURLToPath(new URL('../dependents', import.meta.url))
const dependents = [
  '@graphql-tools/batch-delegate',
  '@graphql-tools/batch-execute',
  '@mikro-orm/core',
  '@mikro-orm/knex',
  '@mikro-orm/libsql',
  '@opentelemetry/instrumentation-dataloader',
  '@pothos/plugin-dataloader',
]

export interface Tree {
  /** Runs a scenario and gives what it has printed. */
  run(scenario: string): Promise<any>
  remove(): void
}

/** @param dataloader the folder of the package that stands for dataloader */
export function plant(dataloader: string): Tree {
  const parent = join(root, 'node_modules/.cache')
  mkdirSync(parent, { recursive: true })
  // Below the node_modules of the repository, so that whatever else is asked for is found there.
  const tree = mkdtempSync(join(parent, 'bulkcall-dependents-'))
  const copy = (from: string, name: string): void =>
    cpSync(join(root, from), join(tree, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: isPublished,
    })
  copy(dataloader, 'dataloader')
  for (const name of dependents) copy(join('node_modules', name), name)
  cpSync(scenarios, join(tree, 'scenarios'), { recursive: true })
  return {
    run: async scenario => {
      const file = join(tree, 'scenarios', scenario)
      const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: dirname(file) })
      return JSON.parse(stdout)
    },
    remove: () => rmSync(tree, { recursive: true, force: true }),
  }
}

function isPublished(file: string): boolean {
  return !/packages\/dataloader\/(test|node_modules)/.test(file)
}
