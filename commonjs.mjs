// Compiles a package once more, as CommonJS, into `dist/cjs`: the same files as the modules beside them, and declarations
// of their own, since TypeScript reads in a declaration's folder whether it is that of a module. Run in the package's
// folder, after `tsc --build`, which it takes its settings from. A bundler would do no more here, and would have to be kept.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const tsc = join(import.meta.dirname, 'node_modules/typescript/bin/tsc')
const settings = {
  project: '.',
  outDir: 'dist/cjs',
  module: 'commonjs',
  moduleResolution: 'bundler',
  verbatimModuleSyntax: false,
  composite: false,
  incremental: false,
  declaration: true,
}
const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
const { status } = spawnSync(process.execPath, [tsc, ...flags, '--tsBuildInfoFile', 'null'], {
  stdio: 'inherit',
})
if (status !== 0) process.exit(status ?? 1)

// The nearest package.json says what a `.js` file is, and what its `#imports` are: those of `dist`, beside this one.
const { imports = {} } = JSON.parse(readFileSync('package.json', 'utf8'))
const own = Object.entries(imports).map(([name, { default: path }]) => [name, path.replace('/dist/', '/')])
const described = { type: 'commonjs', ...(own.length > 0 && { imports: Object.fromEntries(own) }) }
writeFileSync('dist/cjs/package.json', `${JSON.stringify(described, null, 2)}\n`)
