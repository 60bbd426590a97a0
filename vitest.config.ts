import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const [major] = process.versions.node.split('.')

/** The files that take longest begin first, so that no core has nothing to do in the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array that sorts here
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter(file => !isLong(file))]
  }
}

function isLong({ moduleId }: TestSpecification): boolean {
  return /\/(cluster|(airports|redis)\/test\/\w+|page|calibration|docs|policy|mutants|memory)\.test\.ts$/.test(
    moduleId,
  )
}

/** Whether `npm run test:all` or CI runs this. */
const all = Boolean(process.env.BULKCALL_ALL)

/**
 * What takes minutes, and finds what the other tests let through: only `npm run test:all` and CI run it. The example over the
 * embedded database does what it does over a server, and is left out only where there is one.
 */
const exhaustive = [
  'cost',
  'policy',
  'mutants',
  'memory',
  'simulation',
  'calibration',
  'graphiql',
  'cluster',
  ...(existsSync('/usr/lib/postgresql') ? ['embedded'] : []),
].map(name => `**/test/${name}.test.ts`)

/**
 * What comes to the same on every version of Node: what compilers and Chromium say, and whether the tests notice a fault. The
 * matrix of CI runs it on the first version alone.
 */
const alike = [
  'browser',
  'compiler-messages',
  'editor',
  'graphiql',
  'mutants',
  'page',
  'policy',
  'simulation',
  'site',
].map(name => `**/test/${name}.test.ts`)

/** Whose tests leave no trace in their process. Outside of CI the files share it, which spares half a second for each. */
const tidy = new Set(['core'])

/** One run of the compiler for all packages. `npm run typecheck` sees the same faults, and does not count them as tests. */
const types = {
  extends: true as const,
  test: {
    name: 'types',
    typecheck: {
      enabled: true,
      only: true,
      include: ['packages/*/test/**/*.test-d.ts'],
      tsconfig: 'tsconfig.json',
      spawnTimeout: 120_000,
    },
  },
}

export default defineConfig({
  // The packages are tested as sources: nothing needs to be built first. Else the conditions are those of Node: what some
  // packages have for bundlers (`module`) Node cannot load.
  ssr: { resolve: { conditions: ['@bulkcall/source', 'node', 'development|production'] } },
  // There must be one module of GraphQL: the one that Node gives to Yoga, not the one that bundlers like better.
  resolve: {
    alias: [
      { find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) },
      // The page of the inspector, which takes seconds to make: once for all files of tests.
      { find: '#page', replacement: join(import.meta.dirname, 'packages/inspector/test/support/page.ts') },
    ],
  },
  test: {
    // One worker a core: the default leaves one for watching. And one more for `npm test`, where many wait for a database, a browser
    // or the clock; what is exhaustive measures more, and has its cores to itself.
    maxWorkers: all ? '100%' : availableParallelism() + 1,
    exclude: [
      '**/node_modules/**',
      ...(all ? [] : exhaustive),
      ...(process.env.BULKCALL_MATRIX ? alike : []),
    ],
    // A bound for what hangs, not for what is slow: a machine may be busy with something else.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The tally of CI names what passed only on a retry: such a test is to be repaired.
    retry: process.env.CI ? 2 : 0,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', ['json', { outputFile: `reports/unit-${major}.json` }]],
    coverage: { provider: 'v8', include: ['packages/*/src/**'], thresholds: { lines: 90 } },
    projects: [
      ...readdirSync(new URL('packages', import.meta.url)).map(name => ({
        extends: true as const,
        test: {
          name,
          root: `packages/${name}`,
          include: ['test/**/*.test.ts'],
          isolate: all || !tidy.has(name),
        },
      })),
      { extends: true, test: { name: 'examples', include: ['examples/*/test/**/*.test.ts'] } },
      { extends: true, test: { name: 'test', include: ['test/**/*.test.ts'] } },
      ...(all && !process.env.BULKCALL_MATRIX ? [types] : []),
    ],
  },
})
