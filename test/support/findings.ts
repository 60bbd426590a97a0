/**
 * Findings: what a program in a process of its own, beside a test, prints as JSON.
 */

import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

/**
 * @param program the path of a TypeScript file, which runs on the sources of this repository
 * @param flags those of Node
 * @param args those of the program
 */
export async function findingsOf(
  program: string,
  { flags = [], args = [] }: { readonly flags?: readonly string[]; readonly args?: readonly string[] } = {},
): Promise<any> {
  const all = [...flags, '--conditions=@bulkcall/source', '--import', 'tsx', program, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, all, { cwd: dirname(program) })
  return JSON.parse(stdout)
}
