/** Writes the page into `dist`, as a module and as CommonJS, where the compiled package reads it. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { html, policy } from './bundle.ts'

const dist = join(import.meta.dirname, 'dist')
const [page, itsPolicy] = [JSON.stringify(html), JSON.stringify(policy)]
writeFileSync(join(dist, 'page.js'), `export const html = ${page}\nexport const policy = ${itsPolicy}\n`)
writeFileSync(join(dist, 'cjs/page.js'), `exports.html = ${page}\nexports.policy = ${itsPolicy}\n`)
