// Checks programs that use the packages with one TypeScript, in each way that a project may be set up:
//   node check.mjs <folder of TypeScript> <tsconfig>…
// Writes a line of JSON: for each project the faults in its programs and in the declarations of our packages. What others declare
// is theirs, and `skipLibCheck` would have to be on for it. TypeScript 7 has no API yet, so its output is read.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

const [folder, ...projects] = process.argv.slice(2)
const isOurs = path => !path.includes('node_modules') || path.includes('node_modules/@bulkcall/')
const api = join(folder, 'lib/typescript.js')
const check = existsSync(api) ? byApi(createRequire(import.meta.url)(api)) : byCommand
console.log(JSON.stringify(projects.map(project => check(project))))

function byApi(ts) {
  /** Parsed once, and not for each project: a file is the same for all that read it as the same kind of module. */
  const files = new Map()
  return project => {
    const { config } = ts.readConfigFile(project, path => readFileSync(path, 'utf8'))
    const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(project))
    const host = ts.createCompilerHost(options)
    const { getSourceFile } = host
    host.getSourceFile = (path, language, ...rest) => {
      const key = `${path} ${JSON.stringify(language)}`
      if (!files.has(key)) files.set(key, getSourceFile.call(host, path, language, ...rest))
      return files.get(key)
    }
    const program = ts.createProgram(fileNames, options, host)
    const own = program.getSourceFiles().filter(({ fileName }) => isOurs(fileName))
    const found = [
      ...errors,
      ...program.getConfigFileParsingDiagnostics(),
      ...program.getOptionsDiagnostics(),
      ...own.flatMap(file => [
        ...program.getSyntacticDiagnostics(file),
        ...program.getSemanticDiagnostics(file),
        ...(options.declaration && !file.isDeclarationFile ? program.getDeclarationDiagnostics(file) : []),
      ]),
    ]
    return found.map(({ file, messageText }) => {
      const where = file ? `${relative(dirname(project), file.fileName)}: ` : ''
      return `${where}${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
  }
}

function byCommand(project) {
  const args = [join(folder, 'bin/tsc'), '-p', project, '--pretty', 'false']
  const { stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: dirname(project),
    encoding: 'utf8',
  })
  if (error) return [String(error)]
  const lines = `${stdout}${stderr}`.split('\n').filter(line => line !== '' && !line.startsWith(' '))
  return lines.filter(line => isOurs(line))
}
