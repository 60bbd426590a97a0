/**
 * The commands: each answers one question about many files with one process. They are plain functions that know nothing
 * of Bulkcall, and give their answers in the three shapes that come naturally: one for each path, in order, with an Error
 * for a path that fails alone; one for each path, in order; a Map of those that have one.
 * @module
 */

import { run, runGit, type Where } from './process.ts'

/** The size of each file in bytes. */
export async function readBytes(paths: readonly string[], where: Where): Promise<(number | Error)[]> {
  // A file may be called `-`, which is standard input to `stat`; `./-` is a file.
  const names = paths.map(path => `./${path}`)
  const { stdout, stderr } = await run('stat', ['--printf', '%n\\0%s\\0', '--', ...names], where)
  const fields = stdout.split('\0')
  const sizes = new Map<string, number>()
  for (let i = 0; i + 1 < fields.length; i += 2) sizes.set(fields[i]!, Number(fields[i + 1]))
  // One line of complaint for each file without an answer, in their order.
  const complaints = stderr.split('\n')
  return names.map(name => sizes.get(name) ?? new Error(reasonOf(complaints.shift())))
}

/** How git treats the line ends of each file: `auto`, `set`, `unset` (as binary), `unspecified`. */
export async function readTextAttribute(paths: readonly string[], where: Where): Promise<string[]> {
  const fields = (await runGit(['check-attr', '-z', 'text', '--', ...paths], where)).split('\0')
  return paths.map((_, place) => fields[3 * place + 2]!)
}

/** When each file was last changed by a commit. */
export async function readLastCommit(paths: readonly string[], where: Where): Promise<Map<string, Date>> {
  // Each commit comes as an empty field, its time, and the names of its files, the first after a line break.
  const format = ['--format=%x00%ct', '--name-only', '-z', '--relative', '--no-merges']
  // Of one file the newest commit is enough; of many it is not known beforehand how far back the last one is.
  const most = paths.length === 1 ? ['--max-count=1'] : []
  // A repository without commits is missing its HEAD, and that is no error here.
  const log = ['--literal-pathspecs', 'log', ...format, ...most, '--ignore-missing', 'HEAD', '--', ...paths]
  const dates = new Map<string, Date>()
  for (const commit of (await runGit(log, where)).slice(1, -1).split('\0\0')) {
    const [seconds, ...names] = commit.replace('\n', '').split('\0')
    for (const name of names) if (!dates.has(name)) dates.set(name, new Date(Number(seconds) * 1000))
  }
  return dates
}

/** `stat: cannot statx './a: b': No such file or directory` ends with the reason. */
function reasonOf(complaint = ''): string {
  return complaint.split(': ').at(-1) || 'stat gave no answer'
}
