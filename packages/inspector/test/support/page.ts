/**
 * The page for tests, in place of `#page`: made of its sources, which takes seconds, and kept for whatever process wants it next,
 * as long as these are the same.
 */

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Page {
  readonly html: string
  readonly policy: string
}

const packages = join(import.meta.dirname, '../../..')
const reports = join(packages, '../reports')

export const { html, policy } = await made()

async function made(): Promise<Page> {
  const file = join(reports, `page-${hashOf(sources())}.json`)
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Page
  } catch {
    const page: Page = await import('../../bundle.ts')
    mkdirSync(reports, { recursive: true })
    // Whole at once, since others may be about to read it.
    const own = `${file}.${process.pid}`
    writeFileSync(own, JSON.stringify({ html: page.html, policy: page.policy }))
    renameSync(own, file)
    return page
  }
}

function sources(): string[] {
  const folders = ['inspector/page', 'core/src']
  const files = folders.flatMap(folder =>
    readdirSync(join(packages, folder), { recursive: true, encoding: 'utf8' })
      .filter(file => /\.\w+$/.test(file))
      .map(file => join(folder, file)),
  )
  return [...files.toSorted(), 'inspector/bundle.ts', '../package-lock.json']
}

function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update(readFileSync(join(packages, file)))
  return hash.digest('hex').slice(0, 16)
}
