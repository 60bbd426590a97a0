/**
 * How the packages load, as they are built: by `import` and by `require`.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

it('S180 every package loads by import and by require, with the same exports, and copies share their listeners', () => {
  const printed = execFileSync(process.execPath, ['.ci/smoke.mjs'], { cwd: root, encoding: 'utf8' })

  expect(printed.split('\n').filter(line => line.includes(' loads: '))).toHaveLength(
    readdirSync(join(root, 'packages')).length,
  )
})

describe.each(readdirSync(join(root, 'packages')))('packages/%s', name => {
  const folder = join(root, 'packages', name)
  const { exports, main, types } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const entries = Object.values<any>(exports).filter(entry => typeof entry === 'object')

  it('S180 has ES modules and CommonJS, each with declarations of its own', () => {
    expect(entries).not.toEqual([])
    for (const entry of entries) {
      expect(read(folder, entry.import.default)).toMatch(/^(export|import) /m)
      expect(read(folder, entry.require.default)).toMatch(
        /^(Object\.defineProperty\(exports|module\.exports)/m,
      )
      expect([entry.import, entry.require].map(({ types: path }) => typeof read(folder, path))).toEqual([
        'string',
        'string',
      ])
      expect(entry.import.types).not.toBe(entry.require.types)
    }
  })

  it('S180 has for those who know no exports what is required', () => {
    expect({ default: main, types }).toEqual({
      default: entries[0].require.default,
      types: entries[0].require.types,
    })
  })

  it('S180 says of its CommonJS that it is no module', () => {
    for (const { require } of entries) {
      const isNamed = require.default.endsWith('.cjs')
      const type = isNamed
        ? 'commonjs'
        : JSON.parse(read(folder, `${dirname(require.default)}/package.json`)).type
      expect(type).toBe('commonjs')
    }
  })
})

it.each(['core', 'graphql'])('S241 packages/%s knows its version', async name => {
  const folder = join(root, 'packages', name)
  const { release } = await import(join(folder, 'src/release.ts'))
  expect(release).toBe(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version)
})

it('S244 the declarations of a program name our classes', () => {
  mkdirSync(join(root, 'reports'), { recursive: true })
  // In the repository, so that the packages are found.
  const folder = mkdtempSync(join(root, 'reports/declared-'))
  try {
    const program = `
      import { AsyncBulkCall, BulkLoader, SharedLoader } from '@bulkcall/core'
      const command = async (ids: number[]) => ids.map(String)
      export const call = new AsyncBulkCall(command)
      export const loader = new BulkLoader(command)
      export const shared = new SharedLoader(command)
      export const own = shared.loader()`
    writeFileSync(join(folder, 'program.mts'), program)
    const settings =
      '--declaration --emitDeclarationOnly --module nodenext --target es2022 --lib es2023,esnext.disposable'
    const tsc = join(root, 'node_modules/typescript-5.9/bin/tsc')
    execFileSync(
      process.execPath,
      [tsc, ...settings.split(' '), '--strict', '--types', 'node', 'program.mts'],
      {
        cwd: folder,
      },
    )
    const { exports } = /(?<exports>export[^]*)/.exec(read(folder, 'program.d.mts'))!.groups!
    expect(exports!.split('\n').filter(line => line.includes('declare const'))).toEqual([
      'export declare const call: AsyncBulkCall<number, string>;',
      'export declare const loader: BulkLoader<number, string, number>;',
      'export declare const shared: SharedLoader<number, string, unknown>;',
      'export declare const own: BulkLoader<number, string, number>;',
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

it('S189 what needs no Node compiles in a project for browsers, and a fault of a program or of a declaration is found', () => {
  const programs = ['core', 'dataloader', 'graphql'].map(name => `${name}.ts`)
  mkdirSync(join(root, 'reports'), { recursive: true })
  // In the repository, so that the packages are found.
  const folder = mkdtempSync(join(root, 'reports/compiled-'))
  try {
    for (const name of programs) cpSync(join(root, '.ci/types', name), join(folder, name))
    const program = `import { AsyncBulkCall } from '@bulkcall/core'\nexport const call: string = AsyncBulkCall`
    writeFileSync(join(folder, 'wrong.ts'), program)
    const configs = [
      { files: programs, lib: ['es2022', 'dom'] },
      { files: ['wrong.ts'], lib: ['es2022'] },
    ].map(({ files, lib }, i) => {
      const options = { module: 'esnext', moduleResolution: 'bundler', target: 'es2022', lib, types: [] }
      const compilerOptions = { ...options, strict: true, skipLibCheck: false, noEmit: true }
      const path = join(folder, `tsconfig.${i}.json`)
      writeFileSync(path, JSON.stringify({ compilerOptions, files }))
      return path
    })
    const typescript = join(root, 'node_modules/typescript-5.9')
    const args = [join(root, '.ci/types/check.mjs'), typescript, ...configs]
    const printed = execFileSync(process.execPath, args, { encoding: 'utf8' })
    const [right, wrong] = JSON.parse(printed) as [string[], string[]]
    expect(right).toEqual([])
    expect(wrong).toContain(`wrong.ts: Type 'AsyncBulkCallConstructor' is not assignable to type 'string'.`)
    expect(wrong.filter(fault => /command\.d\.ts: Cannot find name 'AbortSignal'/.test(fault))).not.toEqual(
      [],
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function read(folder: string, path: string): string {
  return readFileSync(join(folder, path), 'utf8')
}
