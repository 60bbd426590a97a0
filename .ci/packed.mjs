// What the steps have in common that try the packages out as their users get them: packed, installed into an empty project.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

export const root = join(import.meta.dirname, '..')

/** Does it with a folder that is empty, and is gone afterwards. */
export async function inTemporaryFolder(work) {
  const home = mkdtempSync(join(tmpdir(), 'bulkcall-'))
  try {
    return await work(home)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** The packages as they would be published, by name. */
export function pack(home, packages = join(root, 'packages')) {
  const folders = readdirSync(packages).map(folder => join(packages, folder))
  const flags = ['--silent', '--pack-destination', home]
  // All in one: npm takes longer to begin than to pack.
  const { status, stdout, stderr } = spawnSync('npm', ['pack', ...flags, ...folders], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`The packages cannot be packed: ${stderr}`)
  const tarballs = stdout.trim().split('\n')
  return Object.fromEntries(
    folders.map((folder, place) => {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      return [name, `file:${join(home, tarballs[place])}`]
    }),
  )
}

/** Installs what the package.json of a folder names; gives what npm said if it could not. */
export async function install(folder, ...more) {
  const flags = ['--no-package-lock', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const once = () => run('npm', ['install', ...flags, ...more], { cwd: folder, timeout: 240_000 })
  let installed = await once()
  // Twice: a network may be away for a moment.
  if (installed.status !== 0) installed = await once()
  return installed.status === 0 ? null : installed.said
}

/** Runs a program to its end. */
export function run(command, args, { timeout, ...options }) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
      killSignal: 'SIGKILL',
    })
    let said = ''
    let stdout = ''
    child.stdout.on('data', data => {
      said += data
      stdout += data
    })
    child.stderr.on('data', data => (said += data))
    child.on('error', error => resolve({ status: 1, said: String(error), stdout }))
    child.on('close', status => resolve({ status, said, stdout }))
  })
}

/** Does it for each, two at once: an install waits for the network, and a run for nobody. */
export async function twoAtOnce(all, work) {
  const ahead = all.entries()
  const results = []
  const worker = async () => {
    for (const [place, each] of ahead) results[place] = await work(each)
  }
  await Promise.all([worker(), worker()])
  return results
}

/** As Vitest writes its reports, which the tally reads. */
export function report(title, results) {
  const testResults = results.map(({ name, passed, failed }) => ({
    name: `test/${name}`,
    status: failed.length === 0 ? 'passed' : 'failed',
    assertionResults: [
      ...passed.map(each => ({ status: 'passed', fullName: `${name}: ${each}`, failureMessages: [] })),
      ...failed.map(each => ({
        status: 'failed',
        fullName: `${name}: ${each.split('\n')[0]}`,
        failureMessages: [each],
      })),
    ],
  }))
  const all = testResults.flatMap(({ assertionResults }) => assertionResults)
  const count = status => all.filter(each => each.status === status).length
  mkdirSync(join(root, 'reports'), { recursive: true })
  writeFileSync(
    join(root, `reports/unit-${title}.json`),
    JSON.stringify({
      numPassedTests: count('passed'),
      numFailedTests: count('failed'),
      numPendingTests: 0,
      numTodoTests: 0,
      testResults,
    }),
  )
}

/** Writes a table of the page about runtimes, where the page has its name. */
export function writeTable(name, heads, rows) {
  const widths = heads.map((head, place) =>
    Math.max(...[head, ...rows.map(row => row[place])].map(cell => cell.length)),
  )
  const line = cells => `| ${cells.map((cell, place) => cell.padEnd(widths[place])).join(' | ')} |`
  const table = [line(heads), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n')
  const page = join(root, 'docs/reference/runtimes.md')
  const text = readFileSync(page, 'utf8')
  const place = new RegExp(`(<!-- table of ${name} -->)[^]*?(?=<!-- end -->)`)
  writeFileSync(page, text.replace(place, `$1\n\n${table}\n\n`))
  console.log(`The table of ${name} in ${basename(page)} is written`)
}
