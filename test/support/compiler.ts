/**
 * What the compiler says about a mistake: a type test sees only that it says something.
 * @module
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/**
 * What the compiler says first for each of these statements: the first line, and where there are overloads, which that line does
 * not tell apart, the last one as well.
 */
export function messagesFor(statements: readonly string[], preamble: string): (string | undefined)[] {
  const reports = join(root, 'reports')
  mkdirSync(reports, { recursive: true })
  // In the repository, so that the package is found, and in a folder that git, the linter and the formatter pass by.
  const folder = mkdtempSync(join(reports, 'messages-'))
  try {
    statements.forEach((statement, i) =>
      writeFileSync(join(folder, `${i}.ts`), `${preamble}\n${statement}\n`),
    )
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
        include: ['*.ts'],
      }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    })
    return statements.map((_, i) => {
      const said = new RegExp(`^${i}\\.ts\\(.*?\\): (.*)\n((?: .*\n)*)`, 'm').exec(stdout)
      if (said === null) return undefined
      const [, first, rest] = said
      return first!.includes('No overload') ? `${first} ${rest!.trim().split('\n').at(-1)!.trim()}` : first
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
