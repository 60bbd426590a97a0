/**
 * What an editor shows of a program: the language service that it runs, of the last TypeScript whose API programs can use.
 * @module
 */

import { join } from 'node:path'
import ts from 'typescript-5.9'

const root = join(import.meta.dirname, '../..')
/** As if it were in the repository, so that the packages are found. */
const file = join(root, 'test/shown.ts')

/** Of each place that the program marks with `/*?*\/`: the documentation of the name behind it, and what may be written there. */
export function shownIn(program: string): { documentation: string; completions: string[] }[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), path => ts.sys.readFile(path)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const service = ts.createLanguageService({
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot(path) {
      const text = path === file ? program : ts.sys.readFile(path)
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
    },
    getCurrentDirectory: () => root,
    getCompilationSettings: () => options,
    getDefaultLibFileName: each => ts.getDefaultLibFilePath(each),
    fileExists: path => path === file || ts.sys.fileExists(path),
    readFile: path => ts.sys.readFile(path),
  })
  return [...program.matchAll(/\/\*\?\*\/\s*/g)].map(({ index, 0: mark }) => ({
    documentation: ts.displayPartsToString(
      service.getQuickInfoAtPosition(file, index + mark.length)?.documentation ?? [],
    ),
    completions: (service.getCompletionsAtPosition(file, index, {})?.entries ?? []).map(({ name }) => name),
  }))
}
