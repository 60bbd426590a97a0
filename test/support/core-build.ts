/**
 * The core as it is published: compiled file by file, and nothing bundled. Into a folder of its own, so that the tests
 * need no build before them and cannot meet an old one.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface CoreBuild {
  /** The folder of `index.js`. */
  readonly folder: string
  remove(): void
}

export function buildCore(): CoreBuild {
  const folder = mkdtempSync(join(tmpdir(), 'bulkcall-core-'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const output = ['--outDir', folder, '--tsBuildInfoFile', join(folder, '.tsbuildinfo')]
  execFileSync(process.execPath, [tsc, '-p', join(root, 'packages/core'), ...output], { stdio: 'inherit' })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
