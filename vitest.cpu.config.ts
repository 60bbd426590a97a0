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
  return /\/(airports\/test\/\w+|file-stats|policy|mutants|memory)\.test\.ts$/.test(moduleId)
}

/** What takes minutes, and finds what the other tests let through: only `npm run test:all` and CI run it. */
const exhaustive = ['policy', 'mutants', 'graphiql'].map(name => `**/test/${name}.test.ts`)

export default defineConfig({
  // The packages are tested as sources: nothing needs to be built first. Else the conditions are those of Node: what some
  // packages have for bundlers (`module`) Node cannot load.
  ssr: { resolve: { conditions: ['@bulkcall/source', 'node', 'development|production'] } },
  // There must be one module of GraphQL: the one that Node gives to Yoga, not the one that bundlers like better.
  resolve: {
    alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }],
  },
  test: {
    // One worker a core: the default leaves one for watching.
    maxWorkers: 2, setupFiles: ['/tmp/site/cpu-setup.ts'],
    exclude: ['**/node_modules/**', ...(process.env.BULKCALL_ALL ? [] : exhaustive)],
    // A bound for what hangs, not for what is slow: a machine may be busy with something else.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The tally of CI names what passed only on a retry: such a test is to be repaired.
    retry: process.env.CI ? 2 : 0,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', ['json', { outputFile: `reports/cpu-${major}.json` }]],
    coverage: { provider: 'v8', include: ['packages/*/src/**'], thresholds: { lines: 90 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'core',
          root: 'packages/core',
          include: ['test/**/*.test.ts'],
          typecheck: {
            enabled: true,
            include: ['test/**/*.test-d.ts'],
            tsconfig: '../../tsconfig.json',
            spawnTimeout: 120_000,
          },
        },
      },
      {
        extends: true,
        test: {
          name: 'dataloader',
          root: 'packages/dataloader',
          include: ['test/**/*.test.ts'],
          typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: '../../tsconfig.json' },
        },
      },
      {
        extends: true,
        test: {
          name: 'yoga',
          root: 'packages/yoga',
          include: ['test/**/*.test.ts'],
          typecheck: {
            enabled: true,
            include: ['test/**/*.test-d.ts'],
            tsconfig: '../../tsconfig.json',
            spawnTimeout: 120_000,
          },
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          root: 'packages/redis',
          include: ['test/**/*.test.ts'],
          typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: '../../tsconfig.json' },
        },
      },
      {
        extends: true,
        test: { name: 'opentelemetry', root: 'packages/opentelemetry', include: ['test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: { name: 'prometheus', root: 'packages/prometheus', include: ['test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: { name: 'inspector', root: 'packages/inspector', include: ['test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: { name: 'examples', include: ['examples/*/test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'test',
          include: ['test/**/*.test.ts'],
        },
      },
    ],
  },
})
