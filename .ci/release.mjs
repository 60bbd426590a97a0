// A release, to its end and without the world: in a copy of the checkout it makes the versions and the changelogs, publishes all
// packages to a registry of its own, installs them from there, and runs the first program of the README. The packages must be built.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

import { inTemporaryFolder, install, pack, report, root, run } from './packed.mjs'

const passed = []
const failed = []
await inTemporaryFolder(async home => {
  const copy = join(home, 'copy')
  const before = described(join(root, 'packages'))
  try {
    copyTo(copy)
    execFileSync(process.execPath, ['node_modules/@changesets/cli/bin.js', 'version'], { cwd: copy })
    execFileSync(process.execPath, [join(import.meta.dirname, 'versions.mjs'), copy])
    checkVersions(before, described(join(copy, 'packages')), copy)
    await publishAndRun(copy, join(home, 'project'))
  } catch (error) {
    failed.push(String(error))
  }
})
console.log(`A release: ${passed.length} passed, ${failed.length} failed`)
for (const each of [...passed, ...failed]) console.log(`  ${each}`)
report('release', [{ name: 'A release', passed, failed }])
process.exitCode = failed.length > 0 ? 1 : 0

function expect(what, isSo) {
  ;(isSo ? passed : failed).push(what)
}

/** What is in git, with what was built. Changesets wants a repository. */
function copyTo(copy) {
  const git = (...args) => execFileSync('git', args, { cwd: copy, encoding: 'utf8' })
  mkdirSync(copy)
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0')
  for (const file of files.filter(Boolean)) cpSync(join(root, file), join(copy, file))
  for (const folder of readdirSync(join(root, 'packages')))
    cpSync(join(root, 'packages', folder, 'dist'), join(copy, 'packages', folder, 'dist'), {
      recursive: true,
    })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  git('init', '--quiet', '--initial-branch', 'main')
  git('add', 'packages', '.changeset', 'package.json')
  git('-c', 'user.name=CI', '-c', 'user.email=ci@localhost', 'commit', '--quiet', '--message', 'A copy')
}

/** The package.json of each package, by name. */
function described(packages) {
  return Object.fromEntries(
    readdirSync(packages).map(folder => {
      const own = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8'))
      return [own.name, { ...own, folder: join(packages, folder) }]
    }),
  )
}

function checkVersions(before, after, copy) {
  const logs = new Set()
  const changed = namedIn(join(root, '.changeset'))
  for (const [name, { version, folder, dependencies = {} }] of Object.entries(after)) {
    if (changed.includes(name)) {
      expect(`${name} has a new version: ${version}`, version !== before[name].version)
      const log = readFileSync(join(folder, 'CHANGELOG.md'), 'utf8')
      const isOwn = log.startsWith(`# ${name}\n\n## ${version}\n`) && !logs.has(log)
      expect(`${name} has a changelog of its own`, isOwn)
      logs.add(log)
    }
    const release = join(folder, 'src/release.ts')
    if (existsSync(release))
      expect(`${name} says its version`, readFileSync(release, 'utf8').includes(`release = '${version}'`))
    for (const [other, range] of Object.entries(dependencies).filter(([each]) => each in after))
      expect(`${name} takes the ${other} of the release: ${range}`, range === `^${after[other].version}`)
  }
  const stood = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8')).devDependencies.dataloader
  const minor = stood.split('.', 2).join('.')
  const dropIn = after['@bulkcall/dataloader'].version
  expect(`the drop-in's version begins with that of dataloader: ${dropIn}`, dropIn.startsWith(`${minor}.`))
}

/** The packages that changesets name: right after a release there are none. */
function namedIn(folder) {
  const changes = readdirSync(folder).filter(name => name.endsWith('.md') && name !== 'README.md')
  return changes.flatMap(name => {
    const [, front] = readFileSync(join(folder, name), 'utf8').split('---\n')
    return Array.from(front.matchAll(/^'(.*)': /gm), ([, each]) => each)
  })
}

async function publishAndRun(copy, project) {
  const registry = await openRegistry()
  try {
    mkdirSync(project)
    const settings = join(project, '.npmrc')
    // Only what is ours comes from there. It takes whatever token npm shows.
    writeFileSync(
      settings,
      `@bulkcall:registry=${registry.url}\n//${new URL(registry.url).host}/:_authToken=none\n`,
    )
    writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    const tarballs = pack(project, join(copy, 'packages'))
    for (const [name, tarball] of Object.entries(tarballs)) {
      const said = await publish(tarball.replace('file:', ''), registry.url, settings, project)
      expect(`${name} is published${said === null ? '' : `: ${said}`}`, said === null)
    }
    const refused = await install(project, ...registry.names(), 'graphql@16.15.0', 'graphql-yoga@5.24.1')
    expect(`all are installed${refused === null ? '' : `: ${refused}`}`, refused === null)
    const [, program] = /```ts\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))
    writeFileSync(join(project, 'program.ts'), program)
    const tsx = join(root, 'node_modules/tsx/dist/cli.mjs')
    const { status, stdout, said } = await run(process.execPath, [tsx, 'program.ts'], {
      cwd: project,
      timeout: 60_000,
    })
    const promised = [...program.matchAll(/\/\/ → (.*)/g)].map(([, line]) => line)
    const isRight = status === 0 && promised.length > 0 && promised.every(line => stdout.includes(line))
    expect(`the first program of the README prints what it says${isRight ? '' : `: ${said}`}`, isRight)
  } finally {
    registry.close()
  }
}

/**
 * Publishes a tarball to a registry of this machine, and to no other whatever npm is told elsewhere: flags come before all settings,
 * those of the user, where a token may be, are not read, and npm is asked first where it would publish to.
 */
async function publish(tarball, url, settings, cwd) {
  if (new URL(url).hostname !== '127.0.0.1') throw new Error(`${url} is no registry of this machine`)
  const flags = [
    `--registry=${url}`,
    `--@bulkcall:registry=${url}`,
    `--userconfig=${settings}`,
    '--no-provenance',
  ]
  const args = ['publish', tarball, '--ignore-scripts', ...flags]
  const asked = await run('npm', [...args, '--dry-run'], { cwd, timeout: 60_000 })
  if (asked.status !== 0 || !asked.said.includes(`Publishing to ${url} `)) return asked.said
  const { status, said } = await run('npm', [...args, '--loglevel=error'], { cwd, timeout: 60_000 })
  return status === 0 ? null : said
}

/** A registry that keeps in memory what is published to it. */
function openRegistry() {
  const packages = new Map()
  const tarballs = new Map()
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url.split('?', 1)[0]).slice(1)
    if (request.method === 'PUT') {
      const parts = await request.toArray()
      const { _attachments: attachments, ...published } = JSON.parse(Buffer.concat(parts))
      for (const [name, { data }] of Object.entries(attachments))
        tarballs.set(name, Buffer.from(data, 'base64'))
      for (const version of Object.values(published.versions)) {
        const [name] = Object.keys(attachments)
        version.dist.tarball = `${url}${name}`
      }
      packages.set(path, published)
      response.writeHead(201, { 'content-type': 'application/json' }).end('{}')
      return
    }
    const found = tarballs.get(path) ?? (packages.has(path) ? JSON.stringify(packages.get(path)) : undefined)
    response.writeHead(found === undefined ? 404 : 200).end(found ?? '{}')
  })
  let url
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      url = `http://127.0.0.1:${server.address().port}/`
      resolve({ url, names: () => [...packages.keys()], close: () => server.close() })
    })
  })
}
