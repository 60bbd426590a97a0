// Writes the version of each package that has a `src/release.ts` into it, after `changeset version`:
//   node .ci/versions.mjs            of this checkout
//   node .ci/versions.mjs <folder>   of that one
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const packages = join(process.argv[2] ?? join(import.meta.dirname, '..'), 'packages')
for (const folder of readdirSync(packages)) {
  const path = join(packages, folder, 'src/release.ts')
  if (!existsSync(path)) continue
  const { version } = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8'))
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, source.replace(/(release = )'.*'/, `$1'${version}'`))
}
