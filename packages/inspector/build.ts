/** Writes the page into `dist`, where the compiled package reads it. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { html, policy } from './bundle.ts'

const text = `export const html = ${JSON.stringify(html)}\nexport const policy = ${JSON.stringify(policy)}\n`
writeFileSync(join(import.meta.dirname, 'dist/page.js'), text)
