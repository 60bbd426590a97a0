/**
 * What the compiler says about a mistake: a type test sees only that it says something.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')

/** The first line that the compiler says for each of these statements. */
function messagesFor(statements: readonly string[], preamble: string): (string | undefined)[] {
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
        compilerOptions: { noUnusedLocals: false },
        include: ['*.ts'],
      }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    })
    return statements.map((_, i) => new RegExp(`^${i}\\.ts\\(.*?\\): (.*)$`, 'm').exec(stdout)?.[1])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

it('S92 the compiler says in words that `keyOfTask` is needed, and what the key and the task are', () => {
  const messages = messagesFor(
    [
      'keyed(users, user => user.id)',
      'grouped(users, user => user.id)',
      'keyed(users, user => user.id, Number)',
      'keyed(users, user => user.name)',
    ],
    `import { grouped, keyed } from '@bulkcall/core'
    interface User { readonly id: number }
    declare const users: (ids: string[]) => Promise<User[]>`,
  )
  const needed = `Argument of type '(user: User) => number' is not assignable to parameter of type '((row: User) => number) & { 'keyOfTask is needed: the key of a row is not a task': { key: number; task: string; }; }'.`
  expect(messages).toEqual([
    `error TS2345: ${needed}`,
    `error TS2345: ${needed}`,
    undefined,
    `error TS2339: Property 'name' does not exist on type 'User'.`,
  ])
})
