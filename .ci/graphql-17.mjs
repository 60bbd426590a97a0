// Runs the tests of the packages for GraphQL and Yoga on graphql 17, in a copy of the checkout: every package of the tree must resolve to
// one copy of graphql, and the lock file holds graphql 16.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const version = '17.1.0'
const root = process.cwd()
/** Where vitest.config.ts writes it. */
const report = `reports/unit-${process.versions.node.split('.')[0]}.json`
const copy = mkdtempSync(join(tmpdir(), 'bulkcall-graphql-17-'))

try {
  // What git knows, and what it does not know yet and does not ignore.
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
  for (const file of listed.toString().split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(root, file), join(copy, file))
  }
  const installed =
    ['graphql', 'yoga'].every(name =>
      run('npm', ['pkg', 'set', '-w', `packages/${name}`, `devDependencies.graphql=${version}`]),
    ) &&
    run('npm', ['pkg', 'set', `devDependencies.graphql=${version}`, `overrides.graphql=${version}`]) &&
    // Twice: a network may be away for a moment.
    (install() || install())
  const projects = ['graphql', 'yoga', 'types'].flatMap(name => ['--project', name])
  const passes = installed && run('npx', ['vitest', 'run', ...projects])
  if (installed) cpSync(join(copy, report), join(root, 'reports/unit-graphql-17.json'))
  process.exitCode = passes ? 0 : 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}

function install() {
  return run('npm', ['install', '--force', '--ignore-scripts', '--no-package-lock', '--loglevel=error'])
}

function run(command, args) {
  const env = { ...process.env, BULKCALL_ALL: 'true' }
  return spawnSync(command, args, { cwd: copy, stdio: 'inherit', env }).status === 0
}
