// Installs the packages as their users would, in every runtime that the table of docs/reference/runtimes.md names: packs them, puts them
// into an empty project for each, and runs the core's smoke test, a cache and a server there. Writes the table, and a report for the
// tally. The packages must be built:
//   node .ci/install.mjs           all
//   node .ci/install.mjs Bun Deno  these
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

import { transformSync } from 'esbuild'

import { nodeBinary } from './node.mjs'
import { inTemporaryFolder, install, pack, report, root, run, twoAtOnce, writeTable } from './packed.mjs'

const yoga = { graphql: '16.15.0', 'graphql-yoga': '5.24.1' }
const miniflare = { miniflare: '4.20260730.0', esbuild: '0.28.2' }
const commonjs = ['program', 'smoke']

/**
 * Each is one row of the table. `run` is a file of `.ci/install`, or a command of what was installed. Rows that need the same are
 * run one after the other in one project.
 */
const projects = [
  { title: 'Node 20', how: 'import', node: '20', run: ['node.mjs'] },
  { title: 'Node 20', how: 'require', node: '20', run: ['node.cjs'] },
  { title: 'Node 22.11', how: 'require', node: '22.11', run: ['node.cjs'] },
  { title: 'Node 24', how: 'import', node: '24', run: ['node.mjs'] },
  { title: 'Node 24', how: 'require', node: '24', run: ['node.cjs'] },
  {
    title: 'Jest',
    how: 'require',
    node: '20',
    needs: {
      jest: '30.5.2',
      dataloader: '2.2.3',
      '@pothos/core': '4.15.1',
      '@pothos/plugin-dataloader': '4.4.6',
    },
    overrides: true,
    bin: 'jest/bin/jest.js',
    run: ['--ci', '--testMatch', '**/jest.test.cjs'],
  },
  {
    title: 'Vitest',
    how: 'import',
    node: '20',
    needs: { vitest: '4.1.12' },
    bin: 'vitest/vitest.mjs',
    run: ['run', 'vitest.test.mjs'],
  },
  ...['Yoga', 'Apollo', 'Mercurius'].map(driver => ({
    title: `NestJS, driver for ${driver}`,
    how: 'require',
    node: '20',
    needs: {
      '@apollo/server': '5.5.1',
      '@as-integrations/express5': '1.1.2',
      '@graphql-yoga/nestjs': '3.25.1',
      '@nestjs/apollo': '13.4.5',
      '@nestjs/common': '11.2.10',
      '@nestjs/core': '11.2.10',
      '@nestjs/graphql': '13.4.5',
      '@nestjs/mercurius': '13.4.5',
      '@nestjs/platform-express': '11.2.10',
      '@nestjs/platform-fastify': '11.2.8',
      mercurius: '16.9.0',
      'reflect-metadata': '0.2.2',
      rxjs: '7.8.2',
    },
    run: ['nest.cjs', driver],
  })),
  { title: 'Bun', how: 'import', needs: { bun: '1.4.5' }, exec: 'bun', run: ['fetch.mjs'] },
  { title: 'Deno', how: 'import', needs: { deno: '2.9.6' }, exec: 'deno', run: ['run', '-A', 'fetch.mjs'] },
  { title: 'Cloudflare Workers', how: 'import', node: '24', needs: miniflare, run: ['workerd.mjs'] },
  {
    title: 'Cloudflare Workers, `nodejs_compat`',
    how: 'import',
    node: '24',
    needs: miniflare,
    run: ['workerd.mjs', 'nodejs_compat'],
  },
]

const asked = process.argv.slice(2)
const chosen = projects.filter(
  ({ title }) => asked.length === 0 || asked.some(name => title.startsWith(name)),
)
const results = await inTemporaryFolder(async home => {
  const tarballs = pack(home)
  const byNeeds = new Map()
  for (const project of chosen) {
    const needs = JSON.stringify(project.needs)
    byNeeds.set(needs, [...(byNeeds.get(needs) ?? []), project])
  }
  return (await twoAtOnce([...byNeeds.values()], alike => tryOut(alike, tarballs, home))).flat()
})
report('install', results)
if (asked.length === 0) writeRuntimes()
process.exitCode = results.some(({ failed }) => failed.length > 0) ? 1 : 0

/** Installs once what some rows need, and gives the result of each. */
async function tryOut(alike, tarballs, home) {
  const [{ needs, overrides }] = alike
  const folder = mkdtempSync(join(home, 'project-'))
  const refused = await makeProject(folder, needs, overrides, tarballs)
  const found = []
  for (const project of alike) {
    const result =
      refused === null ? await runIn(folder, project) : { failed: [`cannot be installed: ${refused}`] }
    const { passed = [], failed } = result
    const name = `${project.title}, ${project.how}`
    console.log(`${name}: ${passed.length} passed, ${failed.length} failed`)
    for (const reason of failed) console.log(`  ${reason}`)
    found.push({ ...result, project, name, passed })
  }
  return found
}

async function makeProject(folder, needs, overrides, tarballs) {
  const ours = Object.fromEntries(
    ['core', 'cache', 'graphql', 'yoga', ...(overrides ? ['dataloader'] : [])].map(each => [
      `@bulkcall/${each}`,
      tarballs[`@bulkcall/${each}`],
    ]),
  )
  const description = {
    private: true,
    dependencies: {
      ...yoga,
      ...needs,
      ...ours,
      ...(overrides && { dataloader: ours['@bulkcall/dataloader'] }),
    },
    ...(overrides && { overrides: { dataloader: '$dataloader' } }),
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(description, null, 2))
  cpSync(join(import.meta.dirname, 'install'), folder, { recursive: true })
  cpSync(join(root, 'test/support/smoke.mjs'), join(folder, 'smoke.mjs'))
  for (const each of commonjs) {
    const { code } = transformSync(readFileSync(join(folder, `${each}.mjs`), 'utf8'), { format: 'cjs' })
    writeFileSync(join(folder, `${each}.cjs`), code)
  }
  return install(folder)
}

/** Runs a row in a project that is installed. */
async function runIn(folder, project) {
  const { needs = {}, node = '20' } = project
  const binary = nodeBinary(node)
  if (binary === null) return { failed: [`there is no Node ${node}`] }
  const env = { ...process.env, PATH: dirname(binary) + delimiter + process.env.PATH }
  const modules = join(folder, 'node_modules')
  const command = project.exec ? join(modules, '.bin', project.exec) : binary
  const args = project.bin ? [join(modules, project.bin), ...project.run] : project.run
  const { status, said, stdout } = await run(command, args, { cwd: folder, env, timeout: 120_000 })
  const given = existsSync(join(folder, 'report.json'))
    ? readFileSync(join(folder, 'report.json'), 'utf8')
    : lastLine(stdout)
  try {
    const { passed, failed, facts, version } = JSON.parse(given)
    if (status !== 0 && failed.length === 0) failed.push(`ends with ${status}: ${said.slice(-2000)}`)
    const installedVersion =
      needs.miniflare && JSON.parse(readFileSync(join(modules, 'workerd/package.json'), 'utf8')).version
    return { passed, failed, facts, version: version ?? installedVersion }
  } catch {
    return { failed: [`gives no report: ${said.slice(-2000)}`] }
  }
}

function lastLine(text) {
  return text.trim().split('\n').at(-1)
}

/** The table of the page about runtimes, as it was found now. */
function writeRuntimes() {
  const rows = results.map(({ project: { title, how }, passed, failed, facts, version }) => [
    title,
    version ?? '',
    `\`${how}\``,
    failed.length === 0
      ? `${passed.length} ${passed.length === 1 ? 'check passes' : 'checks pass'}`
      : `${failed.length} of ${passed.length + failed.length} checks fail`,
    facts ? yesNo(facts.channel) : '',
    facts ? yesNo(facts.context) : '',
  ])
  const heads = ['Runtime', 'Version', 'Loads by', 'Core, cache, server', 'Tracing channel', 'Async contexts']
  writeTable('runtimes', heads, rows)
}

function yesNo(value) {
  return value ? 'yes' : 'no'
}
