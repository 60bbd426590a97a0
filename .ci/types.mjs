// Compiles programs that use the packages, as they would be published, with each TypeScript that is in use, and in each way in
// which modules are found: those of `.ci/types`, one a package. Writes the table of docs/reference/runtimes.md, and a report for the
// tally. The packages must be built:
//   node .ci/types.mjs          all
//   node .ci/types.mjs 5.0 7.0  these
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { inTemporaryFolder, install, pack, report, run, twoAtOnce, writeTable } from './packed.mjs'

const versions = ['5.0.4', '5.2.2', '5.4.5', '5.6.3', '5.9.3', '6.0.3', '7.0.2']

const peers = {
  graphql: '16.15.0',
  'graphql-yoga': '5.24.1',
  '@opentelemetry/api': '1.9.1',
  'prom-client': '15.1.3',
  ioredis: '6.0.0',
  keyv: '5.6.0',
  '@types/node': '20.19.43',
}

const strict = {
  target: 'es2022',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  // As in a project whose declarations others use: they must be able to name what it exports.
  declaration: true,
  esModuleInterop: true,
}
const browser = ['es2022', 'dom']
const server = ['es2022']

/**
 * How projects are set up; each is a column of the table. The extension says what kind of module the programs are. Without the types
 * of Node, only what needs none of them is compiled.
 */
const projects = [
  { title: '`nodenext`, ESM', module: 'nodenext', extension: 'mts', lib: browser, types: ['node'] },
  { title: '`nodenext`, CommonJS', module: 'nodenext', extension: 'cts', lib: server, types: ['node'] },
  { title: '`node16`', module: 'node16', extension: 'mts', lib: server, types: ['node'] },
  {
    title: '`bundler`',
    module: 'esnext',
    resolution: 'bundler',
    extension: 'ts',
    lib: server,
    types: ['node'],
  },
  {
    title: '`bundler`, no Node',
    module: 'esnext',
    resolution: 'bundler',
    extension: 'ts',
    lib: browser,
    types: [],
    only: ['core', 'dataloader', 'graphql'],
  },
  {
    title: '`commonjs`, `node10`',
    module: 'commonjs',
    resolution: 'node10',
    extension: 'ts',
    lib: browser,
    types: ['node'],
    until: 7,
  },
]

const asked = process.argv.slice(2)
const chosen = versions.filter(
  version => asked.length === 0 || asked.some(each => version.startsWith(`${each}.`)),
)

const results = await inTemporaryFolder(async home => {
  const dependencies = { ...pack(home), ...peers }
  for (const version of chosen) dependencies[`typescript-${version}`] = `npm:typescript@${version}`
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, dependencies }))
  const refused = await install(home)
  if (refused !== null) throw new Error(`cannot be installed: ${refused}`)
  const programs = join(import.meta.dirname, 'types')
  for (const extension of ['ts', 'mts', 'cts']) {
    mkdirSync(join(home, extension))
    for (const name of readdirSync(programs).filter(each => each.endsWith('.ts')))
      cpSync(join(programs, name), join(home, extension, name.replace(/ts$/, extension)))
  }
  // Each has parsed what it needs for all projects at once, and takes half a gigabyte.
  return twoAtOnce(chosen, version => compile(version, home))
})
report('types', results)
if (asked.length === 0)
  writeTable(
    'compilers',
    ['TypeScript', ...projects.map(({ title }) => title)],
    results.map(({ version, cells }) => [version, ...cells]),
  )
process.exitCode = results.some(({ failed }) => failed.length > 0) ? 1 : 0

async function compile(version, home) {
  const [major] = version.split('.').map(Number)
  const own = projects.filter(({ until = Infinity }) => major < until)
  const configs = own.map(({ module, resolution, extension, lib, types, only }, i) => {
    const path = join(home, `tsconfig.${version}.${i}.json`)
    const compilerOptions = { ...strict, module, lib, types }
    if (resolution !== undefined)
      compilerOptions.moduleResolution = resolution === 'node10' ? 'node' : resolution
    // The last major that has it says so.
    if (resolution === 'node10' && major === 6) compilerOptions.ignoreDeprecations = '6.0'
    const files = only?.map(name => `${extension}/${name}.${extension}`)
    writeFileSync(
      path,
      JSON.stringify({ compilerOptions, ...(files ? { files } : { include: [extension] }) }),
    )
    return path
  })
  const checker = join(import.meta.dirname, 'types/check.mjs')
  const typescript = join(home, 'node_modules', `typescript-${version}`)
  const { stdout, said } = await run(process.execPath, [checker, typescript, ...configs], {
    timeout: 240_000,
  })
  const name = `TypeScript ${version}`
  const faults = read(stdout) ?? own.map(() => [`gives no report: ${said.slice(-2000)}`])
  const passed = own.filter((_, i) => faults[i].length === 0).map(({ title }) => title)
  const failed = own.flatMap(({ title }, i) => faults[i].map(fault => `${title}: ${fault}`))
  console.log(`${name}: ${passed.length} passed, ${own.length - passed.length} failed`)
  for (const reason of failed) console.log(`  ${reason}`)
  const cells = projects.map(project => {
    const place = own.indexOf(project)
    return place === -1 ? 'not in it' : faults[place].length === 0 ? 'passes' : 'fails'
  })
  return { version, name, passed, failed, cells }
}

function read(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
