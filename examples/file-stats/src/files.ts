/**
 * The files of a folder.
 * @module
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { runGit } from './process.ts'

export interface Listing {
  readonly paths: string[]
  /** Why git could not tell them, so that they were looked up by walking; `null` where it could. */
  readonly walkedBecause: string | null
}

export async function listFiles(folder: string): Promise<Listing> {
  try {
    return { paths: await known(folder), walkedBecause: null }
  } catch (error) {
    return { paths: await walk(folder), walkedBecause: (error as Error).message }
  }
}

/** The files that git tracks, and those that it would not ignore. */
async function known(folder: string): Promise<string[]> {
  const list = await runGit(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { folder })
  // A file in conflict is listed once for each side.
  return [...new Set(list.split('\0').filter(path => path !== ''))]
}

async function walk(folder: string, below = ''): Promise<string[]> {
  // A folder that may not be read is left out.
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])
  const paths = entries
    .filter(({ name }) => name !== 'node_modules' && name !== '.git')
    .map(async entry => {
      const path = join(below, entry.name)
      return entry.isDirectory() ? await walk(folder, path) : [path]
    })
  return (await Promise.all(paths)).flat()
}
